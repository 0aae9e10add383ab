"""Single answers to what somebody did: through the same ledger, gate and workers as a campaign."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contacts import Kept, NewProof, keep_proofs, proofs_of
from contacts.models import Channel, Endpoint
from core import clock
from core.tasks import ring
from delivery.models import Message, MessageValue
from delivery.pace.models import OperatorDomain
from delivery.pace.operators import OTHER
from delivery.runs import SEND
from delivery.smtp import Mail
from delivery.states import MessageState

# Who asked for the copy says within this time that it is needed for good; else it goes.
COPY_KEPT = timedelta(days=14)


def enqueue(
    session: Session,
    *,
    run_id: int,
    address_id: int,
    occurrence: int,
    contact_id: int | None = None,
    recipient: str | None = None,
    values: dict[str, Any] | None = None,
    keep_copy: bool = False,
) -> int | None:
    """Put one message into a standing run (see `standing_run`) and ring. Answers its id.

    `occurrence` tells one reason to write from the next, such as the id of a sign-up: the same one again writes nothing
    and answers None. `recipient` is the address in clear where no contact has it yet. A value of the form
    `{"path": "/k/", "sign": 7}` becomes a signed address when the mail is made, so that no secret is stored. Recipient
    and values are erased when the message is settled.

    `keep_copy` keeps the exact bytes that are handed over as proofs of `copy_subject(id)`, for fourteen days unless
    somebody keeps them for good.
    """
    message_id: int | None = session.scalar(
        upsert(Message)
        .values(
            run_id=run_id,
            address_id=address_id,
            contact_id=contact_id,
            occurrence=occurrence,
            state=MessageState.READY,
            not_before=clock.now(),
            operator=_operator(address_id, recipient),
        )
        .on_conflict_do_nothing()
        .returning(Message.id)
    )
    if message_id is None:
        return None
    if recipient or values or keep_copy:
        kept = {"recipient": recipient, "values": values or {}, "keep_copy": keep_copy}
        session.execute(insert(MessageValue).values(message_id=message_id, **kept))
    ring(session, SEND)
    return message_id


def _operator(address_id: int, recipient: str | None) -> Any:
    """Whose mailbox it is, as the database knows it."""
    stored = select(Endpoint.value).where(Endpoint.address_id == address_id, Endpoint.channel == Channel.EMAIL)
    address = literal(recipient) if recipient else stored.scalar_subquery()
    domain = func.lower(func.split_part(address, "@", -1))
    found = select(OperatorDomain.operator).where(OperatorDomain.domain == domain).scalar_subquery()
    return func.coalesce(found, OTHER)


def copy_subject(message_id: int) -> str:
    """What the copies of a message are kept under."""
    return f"message:{message_id}"


def copies(session: Session, message_id: int) -> list[Kept]:
    """The copies of what was handed over, oldest first; more than one when a first try ended in doubt.

    Each names its SHA-256 and, as `relay`, the server that it was handed to.
    """
    return proofs_of(session, copy_subject(message_id))


def keep_copies(session: Session, mails: Mapping[int, Mail], *, server: str) -> None:
    """Keep what was handed to this server, of those messages for which it was asked. Before they are settled."""
    asked = select(MessageValue.message_id).where(MessageValue.message_id.in_(mails), MessageValue.keep_copy)
    sent = {message_id: mails[message_id] for message_id in session.scalars(asked)}
    until = clock.now() + COPY_KEPT
    keep_proofs(
        session,
        [
            NewProof(mail.content, copy_subject(message_id), until, {"relay": server})
            for message_id, mail in sent.items()
        ],
    )


def state_of(session: Session, *, message_id: int) -> MessageState | None:
    """Where a message is, or None when there is none with this id."""
    return session.scalar(select(Message.state).where(Message.id == message_id))
