"""A file of objections: letters, calls, unsubscribes of another system."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from contacts import EmailAddress, ensure_addresses
from contacts.importing import Field, Layout, Origin, Outcome, Reader, Rejected, Row, cells
from contacts.models import Channel
from core.sentences import say
from suppression.entries import NewEntry, add_many
from suppression.models import Cause

FIELDS = (
    Field("email", required=True, aliases=("e-mail", "mail")),
    Field("at", required=True, aliases=("opted_out_at", "objected_at", "unsubscribed_at")),
    Field("channel"),
    Field("purpose"),
    Field("reason"),
)
LONGEST_PURPOSE = 100
LONGEST_REASON = 500

# Reasons that name something else than a person's no. Whatever is not among them is an opt-out: the cautious reading.
CAUSES = {
    "complaint": Cause.COMPLAINT,
    "spam complaint": Cause.COMPLAINT,
    "hard bounce": Cause.HARD_BOUNCE,
    "hard_bounce": Cause.HARD_BOUNCE,
    "internal block": Cause.INTERNAL_BLOCK,
    "internal_block": Cause.INTERNAL_BLOCK,
}


class OptOut(NamedTuple):
    """One row: who objected to what, and when. An empty channel or purpose means all of them."""

    email: EmailAddress
    at: datetime
    channel: str | None
    purpose: str | None
    reason: str | None

    @property
    def cause(self) -> Cause:
        """What kind of entry the reason makes."""
        return CAUSES.get((self.reason or "").lower(), Cause.OPTED_OUT)


class OptOutIntake:
    """Opt-outs, as the Intake of `crusoe import optouts`.

    The address need not be one of a contact: the entry is there before the contact is. A row that says what is stored
    already is unchanged; nothing that is stored is ever changed or lifted by an import.
    """

    name = "optouts"
    _said: Reader

    def __init__(self) -> None:
        self._file: dict[str, str] = {}

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of an opt-out."""
        del session
        return FIELDS

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """Note where the columns are and where the rows come from."""
        del session
        self._said = layout.reader(FIELDS)
        self._file = {"file": origin.name, "sha256": origin.sha256}

    def read(self, cells_: Sequence[str]) -> OptOut:
        """One opt-out, or `Rejected`."""
        said = self._said(cells_)
        at = cells.moment(said["at"], field="at")
        if at is None:
            raise Rejected("at", "missing", say("Without a time nobody can tell whether a later opt-in answered this."))
        return OptOut(
            email=cells.email(said["email"], field="email"),
            at=at,
            channel=_channel(said["channel"]),
            purpose=cells.text(said["purpose"], field="purpose", longest=LONGEST_PURPOSE),
            reason=cells.text(said["reason"], field="reason", longest=LONGEST_REASON),
        )

    def identify(self, record: OptOut) -> tuple[str, str]:
        """By everything that makes an entry another one; the words of the reason do not."""
        key = repr((record.email.key, record.cause, record.channel, record.purpose, record.at))
        return key, key

    def store(self, session: Session, rows: Sequence[Row[OptOut]], *, rehearsal: bool) -> Outcome:
        """Store a chunk. Nothing of it is in force before the whole chunk is."""
        del rehearsal
        ids = ensure_addresses(session, (row.record.email for row in rows))
        created = add_many(session, [self._entry(row, ids[row.record.email.key]) for row in rows])
        return Outcome(created=created, unchanged=len(rows) - created)

    def _entry(self, row: Row[OptOut], address_id: int) -> NewEntry:
        said = row.record
        return NewEntry(
            address_id=address_id,
            cause=said.cause,
            at=said.at,
            source="import",
            channel=said.channel,
            purpose=said.purpose,
            evidence=self._file | {"line": row.line} | ({"reason": said.reason} if said.reason else {}),
        )


def _channel(cell: str) -> str | None:
    if cell and cell.lower() not in set(Channel):
        raise Rejected(
            "channel",
            "channel_unknown",
            say("%(cell)s is none of %(known)s.", cell=repr(cell[:40]), known=", ".join(Channel)),
        )
    return cell.lower() or None
