"""Many addresses at once, for systems that send by themselves: ask, or reserve a message with evidence and a permit."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Select, and_, insert, null, select, text
from sqlalchemy.orm import Session

from contacts import EmailAddress, PhoneNumber, ensure_addresses
from contacts.models import Address, Channel, Endpoint
from core import clock, keys, quarantine
from suppression.assessment import Assessment, assess
from suppression.decisions import record_decisions, seal_decisions
from suppression.facts import Decision, Facts, Verdict
from suppression.gathering import Question
from suppression.lift_models import Permit
from suppression.models import Stage, StoredDecision
from suppression.rules import ANSWERS, book, decide
from tracking import Sending, note_exposures

# Who is asked about: by e-mail address, or by telephone number where the channel is calls or text messages.
Person = EmailAddress | PhoneNumber

VALID_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class Answer:
    """What the gate says about one address. `evidence` holds ids, not persons; a permit comes with a reservation."""

    address: str
    verdict: str
    code: str
    reasons: tuple[str, ...]
    basis: str | None
    evidence: Mapping[str, int]
    decision: int | None = None
    permit: str | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True)
class Answers:
    """The answers in the order of the addresses, with the rules and list versions that they rest on."""

    rules_version: int
    lists: Mapping[str, int | None]
    decided_at: datetime
    answers: tuple[Answer, ...]


def ask(session: Session, *, people: Sequence[Person], question: Question) -> Answers:
    """What the gate would say now about these addresses. Nothing is stored.

    An address that nobody ever heard of is blocked, as there is no basis for it. A handful of queries, whatever their
    number; up to some thousands at once.
    """
    quarantine.refuse_while_blind(session)
    with session.begin_nested() as attempt:
        known = _known(session, people)
        assessment = _assess(session, known, question)
        answers = _answers(session, people, known, assessment, question, permits={})
        # Asking looks addresses up in the lists and notes the hits; that is left to those who send.
        attempt.rollback()
    return answers


def reserve(
    session: Session,
    *,
    people: Sequence[Person],
    question: Question,
    given_to: str,
    valid_for: timedelta = VALID_FOR,
) -> Answers:
    """Decide about one message to each address, as the gate does, and store the decisions as evidence.

    Who may be written to gets a permit with an end, and the message counts for frequency at once, whether the other
    system sends it or not. Refusals are stored as well. About an address that nobody ever heard of nothing is stored:
    it is blocked, and noting it would only make data about a stranger. Addresses stay locked until the commit, so two
    systems that ask at once never both get the last message that a cap allows.
    """
    quarantine.refuse_while_blind(session)
    if question.purpose in ANSWERS:
        # What answers a stranger's own request may go out, and then it needs its evidence.
        ensure_addresses(session, people)
    known = _known(session, people)
    session.execute(text(_LOCK), {"ids": sorted(known.values())})
    assessment = _assess(session, known, question)
    session.execute(text("CREATE TEMP TABLE reserved (address_id bigint PRIMARY KEY) ON COMMIT DROP"))
    session.execute(text("INSERT INTO reserved SELECT unnest(CAST(:ids AS bigint[]))"), {"ids": list(known.values())})
    reserved = text("SELECT address_id FROM reserved").columns(address_id=BigInteger).subquery()
    messages = select(null().cast(BigInteger).label("message_id"), reserved.c.address_id)
    recorded = record_decisions(session, assessment, stage=Stage.GATE, messages=messages, sealed=False)
    permits = _permits(session, recorded.batch_id, given_to=given_to, until=clock.now() + valid_for)
    note_exposures(session, _sendings(session, recorded.batch_id, question))
    seal_decisions(session, recorded)
    return _answers(session, people, known, assessment, question, permits=permits)


# As the gate, but alone: a cap is checked and counted in one step.
_LOCK = "SELECT id FROM address WHERE id = ANY (:ids) ORDER BY id FOR NO KEY UPDATE"


def _known(session: Session, people: Sequence[Person]) -> dict[str, int]:
    hashes = {keys.address_key(one.key): one.key for one in people}
    rows = session.execute(select(Address.key, Address.id).where(Address.key.in_(hashes)))
    return {hashes[bytes(row.key)]: row.id for row in rows}


def _assess(session: Session, known: Mapping[str, int], question: Question) -> Assessment:
    return assess(session, audience=_audience(known, question), question=question, recheck_lists=True)


def _audience(known: Mapping[str, int], question: Question) -> Select[int, int, int]:
    endpoint = and_(Endpoint.address_id == Address.id, Endpoint.channel == Channel(question.channel))
    return (
        select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Address.id.label("address_id"))
        .select_from(Address)
        .outerjoin(Endpoint, endpoint)
        .where(Address.id.in_(list(known.values())))
    )


@dataclass(frozen=True)
class _Reserved:
    """The stored decision about one address, with the permit if it lets pass."""

    decision: int
    permit: str | None
    valid_until: datetime | None


def _permits(session: Session, batch_id: int, *, given_to: str, until: datetime) -> dict[int, _Reserved]:
    """Store a permit for each decision of this batch that lets pass; answers address → what was reserved."""
    rows = session.execute(
        select(StoredDecision.id, StoredDecision.address_id, StoredDecision.verdict).where(
            StoredDecision.batch_id == batch_id
        )
    )
    found = {}
    for row in rows:
        passed = row.verdict == Verdict.SEND
        permit = secrets.token_urlsafe(18) if passed else None
        found[int(row.address_id)] = _Reserved(row.id, permit, until if passed else None)
    made = [
        {
            "permit": one.permit,
            "decision_id": one.decision,
            "address_id": address_id,
            "given_to": given_to,
            "valid_until": until,
        }
        for address_id, one in found.items()
        if one.permit
    ]
    if made:
        session.execute(insert(Permit), made)
    return found


def _sendings(session: Session, batch_id: int, question: Question) -> list[Sending]:
    passed = select(StoredDecision.address_id, StoredDecision.reasons).where(
        StoredDecision.batch_id == batch_id, StoredDecision.verdict == Verdict.SEND.value
    )
    now = clock.now()
    return [
        Sending(
            address_id=row.address_id,
            channel=question.channel,
            purpose=question.purpose,
            basis=row.reasons[0],
            at=now,
        )
        for row in session.execute(passed)
    ]


_EVIDENCE = {"consent": "consent_id", "purchase": "purchase_id", "entry": "entry_id", "list_version": "list_version_id"}


def _answers(
    session: Session,
    people: Sequence[Person],
    known: Mapping[str, int],
    assessment: Assessment,
    question: Question,
    *,
    permits: Mapping[int, _Reserved],
) -> Answers:
    rows = {row.address_id: row for row in session.execute(select(assessment.rows))}
    stranger = decide(Facts(), book(question.purpose))
    found = []
    for one in people:
        row = rows.get(known.get(one.key, 0))
        found.append(_unknown(one, stranger) if row is None else _answer(one, row, permits.get(row.address_id)))
    return Answers(
        rules_version=assessment.rules_version,
        lists=dict(assessment.list_versions),
        decided_at=assessment.as_of,
        answers=tuple(found),
    )


def _unknown(one: Person, decision: Decision) -> Answer:
    return Answer(
        address=one.key,
        verdict=decision.verdict.value,
        code=decision.code,
        reasons=decision.reasons,
        basis=decision.basis.value if decision.basis else None,
        evidence={},
    )


def _answer(one: Person, row: Any, reserved: _Reserved | None) -> Answer:
    return Answer(
        address=one.key,
        verdict=str(row.verdict),
        code=row.code,
        reasons=tuple(row.reasons),
        basis=row.basis,
        evidence={name: getattr(row, column) for name, column in _EVIDENCE.items() if getattr(row, column) is not None},
        decision=reserved.decision if reserved else None,
        permit=reserved.permit if reserved else None,
        valid_until=reserved.valid_until if reserved else None,
    )
