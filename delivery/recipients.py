"""What a batch needs to become mails: the run with its wording, and one row for each recipient. Two queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts import email_address
from contacts.models import TrackingLevel
from core.db import bigints
from core.errors import NotAllowed
from core.sentences import say
from delivery.compose import From
from delivery.models import Run, Sender
from delivery.signing import signers_of
from delivery.states import RunKind
from suppression import ANSWERS
from templates import Compiled, asks_again
from tracking.models import Link


@dataclass(frozen=True)
class About:
    """What must be known of a run to settle its mails. `asks_again`: they ask people to confirm their consent anew."""

    run_id: int
    purpose: str
    asks_again: bool

    @cached_property
    def is_answer(self) -> bool:
        """Whether it answers what somebody did: nothing to unsubscribe from, nothing to count."""
        return self.purpose in ANSWERS


@dataclass(frozen=True)
class Matter(About):
    """What all mails of a run have in common."""

    kind: RunKind
    tracking: TrackingLevel
    compiled: Compiled
    sender: From
    sender_id: int
    transport_url: str | None
    server_was_away: bool
    feedback_id: str
    links: tuple[int, ...]


class Recipient(NamedTuple):
    """One message and the person it is for. `address` is None when nobody stands behind it any more."""

    message_id: int
    address_id: int
    attempts: int
    address: str | None
    contact: Mapping[str, Any]
    tracking: TrackingLevel
    values: Mapping[str, Any]


def matter(session: Session, *, run_id: int) -> Matter:
    """Load what a run says and who says it.

    Raises NotAllowed when the sender's signing key cannot be used or the wording cannot be read.
    """
    run, sender = session.execute(
        select(Run, Sender).join(Sender, Sender.id == Run.sender_id).where(Run.id == run_id)
    ).one()
    links = session.scalars(select(Link.id).where(Link.run_id == run_id).order_by(Link.position))
    return Matter(
        run_id=run.id,
        kind=run.kind,
        purpose=run.purpose,
        asks_again=asks_again(run.content),
        tracking=run.tracking,
        compiled=_compiled(run.id, run.content_sha256, _Document(run.content)),
        sender=_sender(session, sender),
        sender_id=sender.id,
        transport_url=sender.transport_url,
        server_was_away=sender.away_since is not None,
        # Four parts, the last one the same for everything a sender sends: what Gmail's reports are grouped by.
        feedback_id=f"{run.id}:{run.purpose}:{sender.controller_id}:{sender.code}",
        links=tuple(links),
    )


class _Document(dict[str, Any]):
    """Content that a cache may ignore, because its digest is beside it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Document)


@lru_cache(maxsize=32)
def _compiled(_run_id: int, _digest: bytes, content: _Document) -> Compiled:
    """The same object for all batches of a run, so that what hangs on it (digest, parsed templates) is made once."""
    try:
        return Compiled.from_document(content)
    except (KeyError, TypeError) as error:
        raise NotAllowed(
            "content_unreadable",
            say("The frozen wording of this run cannot be read by this version."),
            say("Cancel the campaign and launch a new one."),
        ) from error


def _sender(session: Session, sender: Sender) -> From:
    domain = email_address(sender.from_address).domain
    return From(
        name=sender.from_name,
        address=sender.from_address,
        return_domain=sender.return_domain,
        reply_to=sender.reply_to,
        signers=signers_of(session, domain=domain, selector=sender.dkim_selector),
    )


_RECIPIENTS = """
    SELECT m.id, m.address_id, m.attempts, coalesce(v.recipient, e.value) AS address, v.values,
           coalesce(choice.tracking, 'none') AS tracking, c.fields,
           c.number, c.first_name, c.last_name, c.language, c.country, k.name AS company
    FROM message AS m
    LEFT JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
    LEFT JOIN contact AS c ON c.id = e.contact_id
    LEFT JOIN company AS k ON k.id = c.company_id
    LEFT JOIN recipient_choice AS choice ON choice.address_id = m.address_id
    LEFT JOIN message_value AS v ON v.message_id = m.id
    WHERE m.id = ANY (CAST(:ids AS bigint[]))
    ORDER BY m.id
"""

# In the order of the query.
_OWN = ("number", "first_name", "last_name", "language", "country", "company")
_LEVELS = {level.value: level for level in TrackingLevel}


def recipients(session: Session, *, message_ids: Sequence[int]) -> list[Recipient]:
    """Load the people of a batch, in the order of their messages."""
    rows = session.execute(text(_RECIPIENTS), {"ids": bigints(message_ids)})
    return [
        Recipient(
            message_id=message_id,
            address_id=address_id,
            attempts=attempts,
            address=address,
            contact={**(fields or {}), **dict(zip(_OWN, own, strict=True))},
            tracking=_LEVELS[tracking],
            values=values or {},
        )
        for message_id, address_id, attempts, address, values, tracking, fields, *own in rows
    ]
