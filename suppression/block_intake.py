"""A file of blocks: competitors, desks, people who died, as a house keeps them in a spreadsheet."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.importing import Field, Layout, Origin, Outcome, Reader, Rejected, Rejection, Row, cells
from contacts.models import Channel, Controller
from core.errors import CrusoeError, WrongInput
from core.sentences import say
from suppression.block_targets import target
from suppression.blocks import LONGEST_REASON, Block, BlockKind, Stored, add_blocks

FIELDS = (
    Field("what", required=True, aliases=("address", "email", "domain", "blocked")),
    Field("kind"),
    Field("channel"),
    Field("purpose"),
    Field("controller", aliases=("brand",)),
    Field("until"),
    Field("reason", required=True),
)
LONGEST_PURPOSE = 100


class BlockIntake:
    """Blocks, as the Intake of `crusoe block import`. What stands already is unchanged; nothing is ever lifted."""

    name = "blocks"
    _said: Reader

    def __init__(self, *, by: str = "import") -> None:
        self._by = by
        self._file: dict[str, str] = {}
        self._controllers: dict[str, int] = {}

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of a block."""
        del session
        return FIELDS

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """Note where the columns are, where the rows come from, and who may be named as controller."""
        self._said = layout.reader(FIELDS)
        self._file = {"file": origin.name, "sha256": origin.sha256, "by": self._by}
        self._controllers = dict(session.execute(select(Controller.code, Controller.id)).all())

    def read(self, cells_: Sequence[str]) -> Block:
        """One block, or `Rejected`."""
        said = self._said(cells_)
        try:
            about = target(said["what"])
        except WrongInput as error:
            raise Rejected("what", error.code, error.message) from None
        return Block(
            target=about,
            kind=_kind(said["kind"]),
            channel=_channel(said["channel"]),
            purpose=cells.text(said["purpose"], field="purpose", longest=LONGEST_PURPOSE),
            controller_id=self._controller(said["controller"]),
            until=until(said["until"]),
            reason=cells.required(said["reason"], field="reason", longest=LONGEST_REASON),
        )

    def identify(self, record: Block) -> tuple[str, str]:
        """By everything that makes a block another one; the words of the reason do not."""
        scope = (record.kind, record.channel, record.purpose, record.controller_id, record.until)
        key = repr((record.target.text, *scope))
        return key, key

    def store(self, session: Session, rows: Sequence[Row[Block]], *, rehearsal: bool) -> Outcome:
        """Store a chunk. Nothing of it is in force before the whole chunk is."""
        del rehearsal
        found = add_blocks(session, [row.record for row in rows], source="import", evidence=self._file)
        outcome, counted = Outcome(), set[int]()
        for row, answer in zip(rows, found, strict=True):
            if isinstance(answer, Stored):
                fresh = answer.created and answer.entry_id not in counted
                counted.add(answer.entry_id)
                outcome.created += fresh
                outcome.unchanged += not fresh
            else:
                outcome.rejections.append(_rejection(row.line, answer))
        return outcome

    def _controller(self, cell: str) -> int | None:
        if cell and cell not in self._controllers:
            known = ", ".join(sorted(self._controllers))
            raise Rejected(
                "controller",
                "controller_unknown",
                say("%(cell)s is none of %(known)s.", cell=repr(cell[:40]), known=known),
            )
        return self._controllers.get(cell)


def _rejection(line: int, error: CrusoeError) -> Rejection:
    return Rejection(line, error.where or "what", error.code, error.message)


def _kind(cell: str) -> BlockKind:
    word = cell.lower().replace(" ", "_") or BlockKind.OWN_DECISION.value
    if word not in set(BlockKind):
        known = ", ".join(BlockKind)
        raise Rejected("kind", "kind_unknown", say("%(cell)s is none of %(known)s.", cell=repr(cell[:40]), known=known))
    return BlockKind(word)


def _channel(cell: str) -> Channel | None:
    if cell and cell.lower() not in set(Channel):
        known = ", ".join(Channel)
        raise Rejected(
            "channel", "channel_unknown", say("%(cell)s is none of %(known)s.", cell=repr(cell[:40]), known=known)
        )
    return Channel(cell.lower()) if cell else None


def until(cell: str) -> datetime | None:
    """The end of a block: a time with its zone, or a day, which is meant to its end (UTC); None for no end."""
    if not cell.strip():
        return None
    try:
        found = datetime.fromisoformat(cell.strip())
        if len(cell.strip()) <= len("2026-11-21"):
            return datetime.combine(date.fromisoformat(cell.strip()), time.max, UTC)
    except ValueError:
        raise Rejected(
            "until", "not_a_time", say("%(cell)s is no day like 2026-11-21.", cell=repr(cell[:40]))
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
