"""Single answers to what somebody did: through the same ledger, gate and workers as a campaign."""

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from core import clock
from core.tasks import ring
from delivery.models import Message, MessageValue
from delivery.runs import SEND
from delivery.states import MessageState


def enqueue(
    session: Session,
    *,
    run_id: int,
    address_id: int,
    occurrence: int,
    contact_id: int | None = None,
    recipient: str | None = None,
    values: dict[str, Any] | None = None,
) -> int | None:
    """Put one message into a standing run (see `standing_run`) and ring. Answers its id.

    `occurrence` tells one reason to write from the next, such as the id of a sign-up: the same one again writes nothing
    and answers None. `recipient` is the address in clear where no contact has it yet. A value of the form
    `{"path": "/k/", "sign": 7}` becomes a signed address when the mail is made, so that no secret is stored. Recipient
    and values are erased when the message is settled.
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
        )
        .on_conflict_do_nothing()
        .returning(Message.id)
    )
    if message_id is None:
        return None
    if recipient or values:
        session.execute(insert(MessageValue).values(message_id=message_id, recipient=recipient, values=values or {}))
    ring(session, SEND)
    return message_id


def state_of(session: Session, *, message_id: int) -> MessageState | None:
    """Where a message is, or None when there is none with this id."""
    return session.scalar(select(Message.state).where(Message.id == message_id))
