"""The gate: one synchronous transaction that decides about a batch once more, and is the only way to a server.

An opt-out locks the address; the gate shares that lock. So either the gate sees the opt-out and refuses, or the opt-out
waits for the gate's commit and then finds the message in `handing_over`, whose end it waits for before it answers. For
blocks of whole domains and companies one lock stands for all their addresses.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, Text, and_, cast, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import TableValuedAlias

from contacts.models import Channel, Endpoint
from core import quarantine
from core.db import bigints
from delivery.claim import LEASE, STILL_CLAIMED, Claim, give_back, return_unused
from delivery.models import Run, Sender
from delivery.pace.noting import note_listed
from delivery.runs import lock_state
from delivery.states import RunKind, RunState
from suppression import Question, Recorded, Stage, Verdict, assess, record_decisions, seal_decisions, see_wide_blocks


@dataclass(frozen=True)
class Passed:
    """What the gate let pass: message id → basis. Everything else of the batch is held, blocked or given back."""

    bases: dict[int, str]


_NOBODY = Passed(bases={})

# A worker that stands still inside the gate keeps nobody who objects waiting for longer: the database ends its
# transaction, its batch passes nothing, and is given back when the lease has run out.
_LONGEST_STANDSTILL = "SELECT set_config('idle_in_transaction_session_timeout', '2s', true)"

# The ids come back as PostgreSQL spells arrays, because that is how they are asked with: nothing here reads them.
_LOCK = f"""
    WITH ours AS MATERIALIZED (
        SELECT m.id AS message_id, m.contact_id, m.address_id
        FROM message AS m JOIN address AS a ON a.id = m.address_id
        WHERE m.id = ANY (CAST(:ids AS bigint[])) AND {STILL_CLAIMED}
        ORDER BY a.id FOR SHARE OF a
    )
    SELECT CAST(coalesce(array_agg(message_id), '{{}}') AS text) AS message_id,
           CAST(coalesce(array_agg(contact_id), '{{}}') AS text) AS contact_id,
           CAST(coalesce(array_agg(address_id), '{{}}') AS text) AS address_id
    FROM ours
"""  # noqa: S608 - a condition of ours

_CLEAR = f"""
    UPDATE message AS m SET state = 'handing_over', decision_id = d.id, handed_over_at = clock_timestamp(),
           lease_until = clock_timestamp() + :lease
    FROM unnest(CAST(:ids AS bigint[]), CAST(:decisions AS bigint[])) AS d (message_id, id)
    WHERE m.id = d.message_id AND {STILL_CLAIMED} AND m.lease_until > clock_timestamp()
    RETURNING m.id
"""  # noqa: S608 - a condition of ours

_REFUSE = f"""
    UPDATE message AS m SET state = (CASE d.verdict WHEN 'hold' THEN 'held' ELSE 'blocked' END)::message_state,
           decision_id = d.id, token = NULL, lease_until = NULL,
           done_at = CASE d.verdict WHEN 'block' THEN clock_timestamp() END
    FROM decision AS d
    WHERE d.batch_id = :batch AND d.message_id = m.id AND d.verdict <> 'send'
      AND {STILL_CLAIMED}
"""  # noqa: S608 - a condition of ours


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
    if quarantine.forbids(session, answer=run.kind is RunKind.TRANSACTIONAL):
        give_back(session, claim)
        return _NOBODY
    # This one first, then addresses in the order of their ids, as blocks and opt-outs do: nobody waits in a circle.
    see_wide_blocks(session)
    session.execute(text(_LONGEST_STANDSTILL))
    ours = _still_claimed(session, claim)
    assessment = assess(
        session,
        audience=_recipients(ours),
        question=Question(channel="email", purpose=run.purpose, controller_id=controller_id, topic=run.topic),
        recheck_lists=True,
        released=frozenset(run.released),
    )
    messages = select(ours.c.message_id, ours.c.address_id)
    decided = record_decisions(session, assessment, stage=Stage.GATE, messages=messages, sealed=False)
    passed = _mark(session, claim, decided)
    seal_decisions(session, decided)
    return passed


def _mark(session: Session, claim: Claim, decided: Recorded) -> Passed:
    found = session.execute(decided.rows)
    sending = [(decision, message, basis) for decision, message, verdict, basis, _ in found if verdict == Verdict.SEND]
    bases = {message: basis for _, message, basis in sending}
    cleared = {"ids": bigints(bases), "decisions": bigints(decision for decision, *_ in sending)}
    passed = session.scalars(text(_CLEAR), cleared | {"token": claim.token, "lease": LEASE}).all() if bases else []
    if len(passed) < len(claim.message_ids):
        session.execute(text(_REFUSE), {"batch": decided.batch_id, "token": claim.token})
        note_listed(session, batch_id=decided.batch_id)
        return_unused(session, claim, set(claim.message_ids) - set(passed))
    return Passed(bases={each: bases[each] for each in passed})


def _still_claimed(session: Session, claim: Claim) -> TableValuedAlias:
    """The messages that are ours and their addresses, which are locked from now on, as a relation of known size.

    PostgreSQL must know how many they are: of the ledger it believes that nothing in it is claimed, and would go
    through the whole batch once for each of its messages.
    """
    ours = session.execute(text(_LOCK), {"ids": bigints(claim.message_ids), "token": claim.token}).one()
    arrays = (cast(literal(ids, Text), ARRAY(BigInteger)) for ids in ours)
    columns = (column(each, BigInteger) for each in ours._fields)
    return func.unnest(*arrays).table_valued(*columns, name="ours").render_derived()


def _recipients(ours: TableValuedAlias) -> Select[Any]:
    """Whom the batch is for, by what is known now: an erased person has no endpoint any more."""
    found: Any = select(
        func.coalesce(Endpoint.contact_id, ours.c.contact_id).label("contact_id"),
        Endpoint.id.label("endpoint_id"),
        ours.c.address_id,
    ).select_from(
        ours.outerjoin(Endpoint, and_(Endpoint.address_id == ours.c.address_id, Endpoint.channel == Channel.EMAIL))
    )
    return found  # type: ignore[no-any-return]
