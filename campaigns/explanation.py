"""Why did this person get this mail, and why did that one not? One step, with proof."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from campaigns.given_out import given_out
from campaigns.mails import mails_to
from campaigns.models import Approval
from contacts import find_address, find_phone
from contacts.models import Endpoint
from core.errors import NotFound
from core.sentences import say
from delivery.models import Message, Run
from suppression import Explained, ListState, explain, look_up


def why(session: Session, *, address: str, campaign: str | None = None) -> list[dict[str, Any]]:
    """Every decision about this person, newest first; `address` may be a telephone number, or a hash.

    Each with verdict, reasons, the consent or order or entry it rests on, the list and rule versions, what became of
    the message, and who approved the campaign. The newest decision about a message is the one that counts; earlier
    ones (at planning) stand below it as `history`. Files for other channels in which the person stood, at whatever
    address, are among them, with the number of the file in `export`.
    """
    address_id = _address_id(session, address)
    if address_id is None:
        raise NotFound("address_unknown", say("Nothing is stored about %(address)s.", address=address))
    found = why_by_id(session, address_id=address_id, campaign=campaign)
    for other in _siblings(session, address_id):
        found += _exported(session, address_id=other, campaign=campaign)
    return sorted(found, key=lambda one: one["decided_at"], reverse=True)


def why_by_id(session: Session, *, address_id: int, campaign: str | None = None) -> list[dict[str, Any]]:
    """The same for one address, which nobody needs to have in clear any more."""
    messages = {row.id: row for row in _messages(session, address_id=address_id, campaign=campaign)}
    approvers = _approvers(session, {row.campaign_id for row in messages.values() if row.campaign_id})
    newest: dict[int, dict[str, Any]] = {}
    for decided in explain(session, address_id=address_id, message_ids=messages):
        if decided.message_id in newest:
            earlier = {"verdict": decided.verdict, "reasons": list(decided.reasons), "decided_at": decided.decided_at}
            newest[decided.message_id]["history"].append(earlier)
        else:
            message = messages[decided.message_id]
            newest[message.id] = _entry(decided, message, approvers.get(message.campaign_id))
    return [*newest.values(), *_exported(session, address_id=address_id, campaign=campaign)]


def _address_id(session: Session, written: str) -> int | None:
    found = find_address(session, written) or find_phone(session, written)
    if found is None and "@" not in written and not written.startswith("+"):
        about = look_up(session, written)
        return about.address_id if about else None
    return found


def _siblings(session: Session, address_id: int) -> list[int]:
    """The other addresses of the same person, on all channels."""
    same = select(Endpoint.contact_id).where(Endpoint.address_id == address_id)
    rows = session.scalars(select(Endpoint.address_id).where(Endpoint.contact_id.in_(same)).distinct())
    return [number for number in rows if number != address_id]


def _exported(session: Session, *, address_id: int, campaign: str | None) -> list[dict[str, Any]]:
    found = given_out(session, address_id=address_id, campaign=campaign)
    approvers = _approvers(session, {file["campaign_id"] for _, file in found}) if found else {}
    return [
        _decided(one)
        | {"message": None, "approved_by": approvers.get(file["campaign_id"]), "history": []}
        | {name: value for name, value in file.items() if name != "campaign_id"}
        for one, file in found
    ]


def _messages(session: Session, *, address_id: int, campaign: str | None) -> list[Row[Any]]:
    columns = (Message.id, Message.state, Message.channel, Message.handed_over_at, Run.name.label("run"))
    return list(session.execute(mails_to(address_id, *columns, campaign=campaign)))


def _entry(decided: Explained, message: Row[Any], approved_by: str | None) -> dict[str, Any]:
    return _decided(decided) | {
        "campaign": message.campaign or message.run,
        "message": message.id,
        "channel": message.channel,
        "export": None,
        "status": message.state,
        "sent_at": message.handed_over_at,
        "approved_by": approved_by,
        "results": [],
        "history": [],
    }


def _decided(decided: Explained) -> dict[str, Any]:
    return {
        "campaign": "",
        "channel": "",
        "verdict": decided.verdict,
        "reasons": list(decided.reasons),
        "basis": decided.basis,
        "evidence": _evidence(decided),
        "lists": {name: _list(found) for name, found in decided.lists.items()},
        "rules_version": decided.rules_version,
        "decided_at": decided.decided_at,
        "stage": decided.stage,
        "purpose": decided.purpose,
        "topic": decided.topic,
    }


def _evidence(decided: Explained) -> dict[str, Any]:
    """Only what the decision rests on has a key."""
    evidence: dict[str, Any] = {}
    if decided.consent is not None:
        evidence["consent"] = dict(decided.consent)
    if decided.order is not None:
        evidence["purchase"] = asdict(decided.order)
    if decided.entry is not None:
        evidence["suppression_entry"] = asdict(decided.entry) | {"purpose": decided.entry.purpose or "all"}
    if decided.listed_in is not None:
        evidence["listed_in"] = _list(decided.listed_in)
    return evidence


def _list(found: ListState | None) -> dict[str, Any]:
    if found is None:
        return {"version": None}
    values = asdict(found)
    return {"list": values.pop("list_id")} | values


def _approvers(session: Session, campaigns: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(Approval.campaign_id, Approval.actor)
        .where(Approval.campaign_id.in_(campaigns), Approval.action == "approve")
        .order_by(Approval.id)
    )
    # The last one of each campaign wins: it is the approval under which the mails went out.
    return {row.campaign_id: row.actor for row in rows}
