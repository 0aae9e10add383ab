"""Erasing a person (Art. 17 GDPR): what goes, what stays and why, and a receipt that says both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.evidence.printed import printed
from app.rights.disclosures import disclosures
from app.rights.subject import DataSubject
from contacts import Withdrawn, erase, withdraw_consent
from contacts.consent_models import Consent, ConsentEvent
from core import audit, clock
from core.errors import NotFound
from core.sentences import Sentence, kept, recalled, say
from delivery import forget_recipient
from delivery.models import Message, Run
from lead_handover import forget_leads
from preferences import forget_requests
from suppression import Cause, add
from suppression.models import SuppressionEntry
from tracking import forget_reading


@dataclass(frozen=True)
class Step:
    """One thing that is done: what it is called in the receipt, and the verb, which answers how much it did."""

    name: str
    verb: Callable[[Session, DataSubject], int]


def _withdraw(session: Session, who: DataSubject) -> int:
    evidence = Withdrawn(through="erasure", evidence_ref="audit:person.erase")
    return sum(
        len(withdraw_consent(session, address_id=one, at=clock.now(), evidence=evidence)) for one in who.address_ids
    )


def _block(session: Session, who: DataSubject) -> int:
    """Without an entry, the next import of an old file would bring the person back into the mailing."""
    return sum(
        add(session, address_id=one, cause=Cause.OPTED_OUT, at=clock.now(), source="erasure") for one in who.address_ids
    )


def _leads(session: Session, who: DataSubject) -> int:
    return 0 if who.contact_id is None else forget_leads(session, who.contact_id)


STEPS = (
    Step("consents_withdrawn", _withdraw),
    Step("blocks_added", _block),
    Step("sign_ups_removed", lambda session, who: forget_requests(session, who.address_ids)),
    Step("message_texts_removed", lambda session, who: forget_recipient(session, who.address_ids)),
    Step("opens_and_clicks_parted", lambda session, who: forget_reading(session, who.address_ids)),
    Step("leads_blanked", _leads),
)

# The law under which each kind of thing stays, in words for the person.
WHY_KEPT = {
    "blocks": say(
        "So that the objection is heeded when the address comes back; a keyed hash only (Art. 21(3), 17(3)(b))."
    ),
    "consents": say("To show that mail was allowed; sealed, seen by compliance only (Art. 7(1), 17(3)(e))."),
    "messages": say("To show what was decided and why; by number, without the address (Art. 17(3)(e))."),
    "audit": say("The log of what people did names the person by number only (Art. 5(2))."),
}


def erase_person(session: Session, who: DataSubject, *, actor: str, reason: str | None = None) -> dict[str, Any]:
    """Erase a person and answer the receipt: `removed`, `kept` with reasons, `to_tell`, and its own `sha256`.

    The receipt stands in the audit log; it names the person by numbers only.
    """
    # Looked up first: what says so names the person and goes as well.
    told = disclosures(session, who)
    removed = {step.name: step.verb(session, who) for step in STEPS}
    if who.contact_id is not None:
        gone = erase(session, who.contact_id, actor=actor, reason=reason)
        removed |= {"contacts": 1, "addresses": gone.endpoints, "orders": gone.purchases, "choices": gone.choices}
    receipt = {
        "at": clock.now().isoformat(timespec="seconds"),
        "by": actor,
        "reason": reason,
        "contact": who.contact_id,
        "address_ids": list(who.address_ids),
        "removed": removed,
        "kept": [{"what": name, "count": count, "why": WHY_KEPT[name]} for name, count in _kept(session, who).items()],
        "to_tell": told,
    }
    digest = sha256(json.dumps(_plain(receipt), sort_keys=True).encode()).hexdigest()
    audit.record(
        session,
        actor=actor,
        action="person.erase",
        object_type="address",
        object_id=who.address_id,
        reason=reason,
        receipt=_plain(receipt),
        sha256=digest,
    )
    return receipt | {"sha256": digest}


def _plain(receipt: dict[str, Any]) -> dict[str, Any]:
    reasons = [
        one | {"why": kept(one["why"]) if isinstance(one["why"], Sentence) else one["why"]} for one in receipt["kept"]
    ]
    return receipt | {"kept": reasons}


def _kept(session: Session, who: DataSubject) -> dict[str, int]:
    def count(query: Any) -> int:
        return session.scalar(query) or 0

    ids = who.address_ids
    steps = select(func.count()).select_from(ConsentEvent).join(Consent, Consent.id == ConsentEvent.consent_id)
    sent = select(func.count()).select_from(Run).join(Message, Message.run_id == Run.id)
    noted = audit.AuditEvent
    return {
        "blocks": count(select(func.count()).where(SuppressionEntry.address_id.in_(ids))),
        "consents": count(steps.where(Consent.address_id.in_(ids))),
        "messages": count(sent.where(Message.address_id.in_(ids))),
        "audit": count(
            select(func.count()).where(noted.object_type == "contact", noted.object_id == str(who.contact_id))
        ),
    }


def newest_receipt(session: Session, who: DataSubject) -> int:
    """The number of the last receipt about this address."""
    noted = audit.AuditEvent
    about = (noted.action == "person.erase", noted.object_id == str(who.address_id))
    return session.scalar(select(func.max(noted.id)).where(*about)) or 0


def receipt(session: Session, number: int) -> dict[str, Any]:
    """A receipt by its number in the audit log."""
    found = session.get(audit.AuditEvent, number)
    if found is None or found.action != "person.erase":
        raise NotFound("receipt_unknown", say("There is no receipt %(number)s.", number=number))
    said: dict[str, Any] = found.details["receipt"]
    reasons = [one | {"why": recalled(one["why"])} for one in said["kept"]]
    return said | {"kept": reasons, "sha256": found.details["sha256"]}


def receipt_page(receipt: dict[str, Any], *, locale: str) -> bytes:
    """The receipt as a page to print and to send."""
    return printed("receipt", locale=locale, receipt=receipt)
