"""The answer about one address, with everything that it rests on."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, and_, cast, literal, select
from sqlalchemy.orm import Session

from contacts import email_address
from contacts.consent_models import Consent
from contacts.models import Address, Channel, Endpoint, Purchase
from core import keys
from suppression.assessment import assess
from suppression.facts import Facts
from suppression.gathering import Question
from suppression.models import ListHit, ListVersion, SuppressionEntry
from suppression.rule_sets import RulesInForce, current
from suppression.rules import book, decide


def decide_address(
    session: Session,
    *,
    address: str,
    question: Question,
    rules: RulesInForce | None = None,
    known_by: datetime | None = None,
) -> dict[str, Any]:
    """Whether this address may be written to: verdict, reasons, code, basis, evidence, lists, rules_version.

    Now and by the rules in force, or by other `rules`, or at a moment of the past (`known_by`). Nothing is stored. An
    address that nobody ever heard of is blocked, as there is no basis for it; one that is no address at all is
    `WrongInput`.
    """
    found = email_address(address)
    known = session.scalar(select(Address.id).where(Address.key == keys.address_key(found.key)))
    if known is None:
        return {"address": found.key} | _of_a_stranger(question, rules or current(session))
    with session.begin_nested() as attempt:
        assessment = assess(
            session,
            audience=_only(known, question),
            question=question,
            as_of=known_by,
            recheck_lists=known_by is None,
            rules=rules,
            known_by=known_by,
        )
        row = session.execute(select(assessment.rows)).one()
        answer = {
            "address": found.key,
            "verdict": row.verdict,
            "reasons": list(row.reasons),
            "code": row.code,
            "basis": row.basis,
            "evidence": _evidence(session, row),
            "lists": {name: _version(session, version) for name, version in assessment.list_versions.items()},
            "rules_version": assessment.rules_version,
        }
        attempt.rollback()
    return answer


def _of_a_stranger(question: Question, rules: RulesInForce) -> dict[str, Any]:
    """What the rules say where nothing at all is known."""
    decision = decide(Facts(), book(question.purpose))
    return {
        "verdict": decision.verdict.value,
        "reasons": list(decision.reasons),
        "code": decision.code,
        "basis": decision.basis and decision.basis.value,
        "evidence": {},
        "lists": {},
        "rules_version": rules.version,
    }


def _only(address_id: int, question: Question) -> Select[int, int, int]:
    number = cast(literal(address_id), BigInteger)
    return (
        select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Address.id.label("address_id"))
        .select_from(Address)
        .outerjoin(Endpoint, and_(Endpoint.address_id == Address.id, Endpoint.channel == Channel(question.channel)))
        .where(Address.id == number)
    )


def _evidence(session: Session, row: Any) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    if row.consent_id is not None:
        consent = session.get_one(Consent, row.consent_id)
        evidence["consent"] = {
            "id": consent.id,
            "requested_at": consent.requested_at,
            "confirmed_at": consent.confirmed_at,
            "withdrawn_at": consent.withdrawn_at,
            "text_version": consent.text_version,
        }
    if row.purchase_id is not None:
        order = session.get_one(Purchase, row.purchase_id)
        evidence["purchase"] = {"id": order.id, "number": order.number, "ordered_at": order.ordered_at}
    if row.entry_id is not None:
        entry = session.get_one(SuppressionEntry, row.entry_id)
        evidence["entry"] = {"id": entry.id, "cause": entry.cause.value, "at": entry.at, "source": entry.source}
    if row.list_version_id is not None:
        hit = session.get_one(ListHit, (row.address_id, row.list_version_id))
        evidence["listing"] = {"version": hit.version_id, "by": "domain" if hit.by_domain else "address"}
    return evidence


def _version(session: Session, version_id: int | None) -> dict[str, Any] | None:
    if version_id is None:
        return None
    version = session.get_one(ListVersion, version_id)
    return {"version": version.id, "published_at": version.published_at, "records": version.records}
