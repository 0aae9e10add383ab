"""The gate: one synchronous transaction that decides about a batch once more, and is the only way to a server.

An opt-out locks the address; the gate shares that lock. So either the gate sees the opt-out and refuses, or the opt-out
waits for the gate's commit and then finds the message in `handing_over`, whose end it waits for before it answers. For
blocks of whole domains and companies one lock stands for all their addresses.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, text
from sqlalchemy.orm import Session

from contacts.models import Channel, Endpoint
from delivery.claim import LEASE, Claim, give_back
from delivery.models import Message, Run, Sender
from delivery.runs import lock_state
from delivery.states import MessageState, RunState
from suppression import Question, Recorded, Stage, assess, record_decisions, seal_decisions, see_wide_blocks


@dataclass(frozen=True)
class Passed:
    """What the gate let pass: message id → basis. Everything else of the batch is held, blocked or given back."""

    bases: dict[int, str]


_NOBODY = Passed(bases={})

_LOCK = """
    SELECT 1 FROM address WHERE id IN (SELECT address_id FROM message WHERE id = ANY (:ids)) ORDER BY id FOR SHARE
"""

_CLEAR = """
    UPDATE message AS m SET state = 'handing_over', decision_id = d.id, handed_over_at = clock_timestamp(),
           lease_until = clock_timestamp() + :lease
    FROM decision AS d
    WHERE d.batch_id = :batch AND d.message_id = m.id AND d.verdict = 'send'
      AND m.token = :token AND m.state = 'claimed' AND m.lease_until > clock_timestamp()
    RETURNING m.id, d.basis
"""

_REFUSE = """
    UPDATE message AS m SET state = (CASE d.verdict WHEN 'hold' THEN 'held' ELSE 'blocked' END)::message_state,
           decision_id = d.id, token = NULL, lease_until = NULL,
           done_at = CASE d.verdict WHEN 'block' THEN clock_timestamp() END
    FROM decision AS d
    WHERE d.batch_id = :batch AND d.message_id = m.id AND d.verdict <> 'send'
      AND m.token = :token AND m.state = 'claimed'
"""


def gate(session: Session, claim: Claim) -> Passed:
    """Decide about a claimed batch and mark what may be handed over. Commit before anything is said to a server."""
    lock_state(session, run_id=claim.run_id, shared=True)
    run, controller_id = session.execute(
        select(Run, Sender.controller_id)
        .join(Sender, Sender.id == Run.sender_id)
        .where(Run.id == claim.run_id)
        .execution_options(populate_existing=True)
    ).one()
    if run.state is not RunState.OPEN:
        give_back(session, claim)
        return _NOBODY
    # This one first, then addresses in the order of their ids, as blocks and opt-outs do: nobody waits in a circle.
    see_wide_blocks(session)
    session.execute(text(_LOCK), {"ids": list(claim.message_ids)})
    assessment = assess(
        session,
        audience=_recipients(claim),
        question=Question(channel="email", purpose=run.purpose, controller_id=controller_id, topic=run.topic),
        recheck_lists=True,
        released=frozenset(run.released),
    )
    decided = record_decisions(session, assessment, stage=Stage.GATE, messages=_messages(claim), sealed=False)
    passed = _mark(session, claim, decided)
    seal_decisions(session, decided)
    return passed


def _mark(session: Session, claim: Claim, decided: Recorded) -> Passed:
    values = {"batch": decided.batch_id, "token": claim.token}
    passed = session.execute(text(_CLEAR), values | {"lease": LEASE}).all()
    if len(passed) < len(claim.message_ids):
        session.execute(text(_REFUSE), values)
    return Passed(bases={row.id: row.basis for row in passed})


def _ours(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        Message.id.in_(claim.message_ids),
        Message.token == claim.token,
        Message.state == MessageState.CLAIMED,
    )


def _messages(claim: Claim) -> Select[Any]:
    found: Any = select(Message.id.label("message_id"), Message.address_id).where(*_ours(claim))
    return found  # type: ignore[no-any-return]


def _recipients(claim: Claim) -> Select[Any]:
    """Whom the batch is for, by what is known now: an erased person has no endpoint any more."""
    found: Any = (
        select(
            func.coalesce(Endpoint.contact_id, Message.contact_id).label("contact_id"),
            Endpoint.id.label("endpoint_id"),
            Message.address_id,
        )
        .outerjoin(Endpoint, and_(Endpoint.address_id == Message.address_id, Endpoint.channel == Channel.EMAIL))
        .where(*_ours(claim))
    )
    return found  # type: ignore[no-any-return]
