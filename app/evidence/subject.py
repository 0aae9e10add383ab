"""What a bundle is about, gathered in sets: one address, all of its consents and messages or those of one campaign."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evidence import messages as ledger
from app.evidence import proofs
from app.evidence.excerpts import excerpt
from contacts import find_address
from contacts.consent_models import ConsentEvent
from core.audit import AuditEvent
from core.errors import NotFound
from core.sentences import say
from suppression import consents_of, entries
from suppression.models import RuleActivation, RuleSet


@dataclass(frozen=True)
class Subject:
    """Everything that a bundle shows. `proofs`: files by name; `chains`: what proves the rows, by chain."""

    address: str
    campaign: str | None
    consents: list[dict[str, Any]]
    objections: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    contents: Mapping[str, dict[str, Any]]
    rules: list[dict[str, Any]]
    proofs: Mapping[str, bytes]
    chains: Mapping[str, dict[str, Any]]


def gather(
    session: Session, *, address: str, campaign: str | None = None, consent: str | None = None
) -> tuple[int, Subject]:
    """The id of an address and all evidence about it. `consent` (its reference) narrows it to one consent."""
    address_id = find_address(session, address)
    if address_id is None:
        raise NotFound("address_unknown", say("Nothing is stored about %(address)s.", address=address))
    found = _with_rows(session, consents_of(session, address_id))
    consents = [one for one in found if consent is None or one["reference"] == consent]
    if consent is not None and not consents:
        raise NotFound("consent_unknown", say("This address has no consent %(reference)s.", reference=consent[:60]))
    sent = ledger.messages(session, address_id=address_id, campaign=campaign)
    if consent is not None:
        asking = {step.get("message_id") for step in consents[0]["steps"]}
        sent = [one for one in sent if one["message"] in asking or _rests_on(one, consent)]
    contents = ledger.contents(session, {one["content_sha256"] for one in sent})
    steps = [step for one in consents for step in one["steps"]]
    return address_id, Subject(
        address=address,
        campaign=campaign,
        consents=consents,
        objections=[_objection(one) for one in entries(session, address_id=address_id)],
        messages=sent,
        contents=contents,
        rules=rules_named(session, {row["rules_version"] for one in sent for row in one["decisions"]}),
        proofs=proofs.of_steps(session, steps)
        | proofs.of_messages(session, [one["message"] for one in sent])
        | proofs.of_contents(dict(contents)),
        chains=_chains(session, address_id, steps=steps, sent=sent),
    )


def _rests_on(message: dict[str, Any], consent: str) -> bool:
    return any(one["consent"] == consent for one in message["decisions"])


def _with_rows(session: Session, consents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each step with the number of its sealed row and what that says, letter by letter."""
    rows = session.execute(
        select(
            ConsentEvent.id, ConsentEvent.consent_id, ConsentEvent.step, ConsentEvent.at, ConsentEvent.evidence
        ).where(ConsentEvent.consent_id.in_([one["id"] for one in consents]))
    )
    known = {(row.consent_id, row.step.value, row.at): {"id": row.id, "sealed": row.evidence} for row in rows}
    return [
        one | {"steps": [step | known[one["id"], step["step"], step["at"]] for step in one["steps"]]}
        for one in consents
    ]


def _objection(entry: Any) -> dict[str, Any]:
    return {
        "id": entry.id,
        "cause": entry.cause.value,
        "at": entry.at,
        "source": entry.source,
        "channel": entry.channel,
        "purpose": entry.purpose,
        "by_domain": entry.by_domain,
        "recorded_at": entry.recorded_at,
        "lifted_at": entry.lifted_at,
        "lifted_by": entry.lifted_by,
        "lift_reason": entry.lift_reason,
    }


def rules_named(session: Session, versions: Collection[int]) -> list[dict[str, Any]]:
    """These versions of the rules with their settings, and who put them into force when."""
    rows = session.execute(
        select(RuleSet, RuleActivation)
        .outerjoin(RuleActivation, RuleActivation.rule_set_id == RuleSet.id)
        .where(RuleSet.id.in_(versions))
        .order_by(RuleSet.id, RuleActivation.id)
    )
    return [
        {
            "version": rules.id,
            "sha256": rules.sha256.hex(),
            "proposed_by": rules.proposed_by,
            "in_force_from": since.at if since else None,
            "put_into_force_by": since.activated_by if since else None,
            "settings": rules.settings,
        }
        for rules, since in rows
    ]


def _chains(
    session: Session, address_id: int, *, steps: list[dict[str, Any]], sent: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    noted = select(AuditEvent.id).where(AuditEvent.object_type == "address", AuditEvent.object_id == str(address_id))
    wanted = {
        "consent": {step["id"] for step in steps},
        "decision": {row["id"] for one in sent for row in one["decisions"]},
        "approval": {row["id"] for one in sent for row in one["approvals"]},
        "audit": set(session.scalars(noted)),
    }
    return {name: excerpt(session, name, ids) for name, ids in wanted.items() if ids}
