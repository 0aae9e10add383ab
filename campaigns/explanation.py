"""Why did this person get this mail, and why did that one not? One step, with proof."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from campaigns.models import Approval, Campaign
from contacts import find_address
from contacts.consent_models import Consent, ConsentEvent
from contacts.models import Purchase
from core.errors import NotFound
from delivery.models import Message, Run
from suppression.models import DecisionContext, ListVersion, StoredDecision, SuppressionEntry


@dataclass(frozen=True)
class Proof:
    """Evidence rows of one decision, read in sets for all entries of an answer."""

    consents: dict[int, dict[str, Any]]
    purchases: dict[int, dict[str, Any]]
    entries: dict[int, dict[str, Any]]
    lists: dict[int, dict[str, Any]]


def why(session: Session, *, address: str, campaign: str | None = None) -> list[dict[str, Any]]:
    """Every decision about this address, newest first.

    Each with verdict, reasons, the consent or order or entry it rests on, the list and rule versions, what became of
    the message, and who approved the campaign. The newest decision about a message is the one that counts; earlier
    ones (at planning) stand below it as `history`.
    """
    address_id = find_address(session, address)
    if address_id is None:
        raise NotFound("address_unknown", f"Nothing is stored about {address}.")
    rows = _decisions(session, address_id=address_id, campaign=campaign)
    proof = _proof(session, rows)
    approvers = _approvers(session, {row.campaign_id for row in rows if row.campaign_id})
    newest: dict[int, dict[str, Any]] = {}
    for row in rows:
        entry = _entry(row, proof, approvers)
        if row.message_id in newest:
            newest[row.message_id]["history"].append({key: entry[key] for key in ("verdict", "reasons", "decided_at")})
        else:
            newest[row.message_id] = entry | {"history": []}
    return list(newest.values())


def _decisions(session: Session, *, address_id: int, campaign: str | None) -> list[Row[Any]]:
    query = (
        select(
            StoredDecision,
            DecisionContext,
            Message.id.label("message_id"),
            Message.state,
            Message.handed_over_at,
            Run.name.label("run"),
            Campaign.id.label("campaign_id"),
            Campaign.code.label("campaign"),
        )
        # Through the runs, because the unique key of messages begins with them: no index of its own is needed.
        .select_from(Run)
        .join(Message, and_(Message.run_id == Run.id, Message.address_id == address_id))
        .join(StoredDecision, StoredDecision.message_id == Message.id)
        .join(DecisionContext, DecisionContext.batch_id == StoredDecision.batch_id)
        .outerjoin(Campaign, Campaign.run_id == Run.id)
        .order_by(StoredDecision.id.desc())
    )
    if campaign is not None:
        by = Campaign.id == int(campaign) if str(campaign).isdigit() else Campaign.code == campaign
        query = query.where(by)
    return list(session.execute(query))


def _entry(row: Row[Any], proof: Proof, approvers: dict[int, str]) -> dict[str, Any]:
    decision, context = row.StoredDecision, row.DecisionContext
    evidence: dict[str, Any] = {}
    if decision.consent_id in proof.consents:
        evidence["consent"] = proof.consents[decision.consent_id]
    if decision.purchase_id in proof.purchases:
        evidence["purchase"] = proof.purchases[decision.purchase_id]
    if decision.entry_id in proof.entries:
        evidence["suppression_entry"] = proof.entries[decision.entry_id]
    if decision.list_version_id in proof.lists:
        evidence["listed_in"] = proof.lists[decision.list_version_id]
    return {
        "campaign": row.campaign or row.run,
        "message": row.message_id,
        "verdict": decision.verdict,
        "reasons": list(decision.reasons),
        "basis": decision.basis,
        "evidence": evidence,
        "lists": {
            name: proof.lists.get(version, {"version": version}) for name, version in context.list_versions.items()
        },
        "rules_version": context.rules_version,
        "decided_at": context.decided_at,
        "stage": context.stage,
        "purpose": context.purpose,
        "status": row.state,
        "sent_at": row.handed_over_at,
        "approved_by": approvers.get(row.campaign_id),
    }


def _approvers(session: Session, campaigns: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(Approval.campaign_id, Approval.actor)
        .where(Approval.campaign_id.in_(campaigns), Approval.action == "approve")
        .order_by(Approval.id)
    )
    # The last one of each campaign wins: it is the approval under which the mails went out.
    return {row.campaign_id: row.actor for row in rows}


def _proof(session: Session, rows: list[Row[Any]]) -> Proof:
    decisions = [row.StoredDecision for row in rows]
    versions = {version for row in rows for version in row.DecisionContext.list_versions.values()}
    return Proof(
        consents=_consents(session, {decision.consent_id for decision in decisions}),
        purchases={
            row.id: {"number": row.number, "ordered_at": row.ordered_at, "notice_shown": row.objection_notice_shown}
            for row in session.scalars(select(Purchase).where(Purchase.id.in_(_ids(decisions, "purchase_id"))))
        },
        entries={
            row.id: {"cause": row.cause, "at": row.at, "source": row.source, "purpose": row.purpose or "all"}
            for row in session.scalars(
                select(SuppressionEntry).where(SuppressionEntry.id.in_(_ids(decisions, "entry_id")))
            )
        },
        lists={
            row.id: {
                "list": row.list_id,
                "version": row.id,
                "published_at": row.published_at,
                "records": row.records,
                "sha256": row.sha256.hex(),
            }
            for row in session.scalars(select(ListVersion).where(ListVersion.id.in_(versions)))
        },
    )


def _ids(decisions: list[StoredDecision], column: str) -> set[int]:
    return {value for decision in decisions if (value := getattr(decision, column)) is not None}


def _consents(session: Session, wanted: set[int | None]) -> dict[int, dict[str, Any]]:
    ids = {consent for consent in wanted if consent is not None}
    steps: dict[int, list[dict[str, Any]]] = {}
    for event in session.scalars(
        select(ConsentEvent).where(ConsentEvent.consent_id.in_(ids)).order_by(ConsentEvent.at)
    ):
        steps.setdefault(event.consent_id, []).append({"step": event.step, "at": event.at} | event.evidence)
    return {
        row.id: {
            "id": row.id,
            "basis": row.basis,
            "purpose": row.purpose,
            "text_version": row.text_version,
            "requested_at": row.requested_at,
            "confirmed_at": row.confirmed_at,
            "steps": steps.get(row.id, []),
        }
        for row in session.scalars(select(Consent).where(Consent.id.in_(ids)))
    }
