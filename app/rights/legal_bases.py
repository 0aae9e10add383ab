"""The register of legal bases: on which ground each purpose was really pursued, towards how many people, and how."""

from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.rights.kinds import KINDS
from contacts.consent_models import Consent
from contacts.models import Controller
from core.retention import terms
from core.sentences import Sentence, say

BASES = {
    "double_opt_in": say("Consent, confirmed by double opt-in (Art. 6(1)(a) GDPR)"),
    "written": say("Consent, given in writing (Art. 6(1)(a) GDPR)"),
    "recorded": say("Consent, given in a recorded call (Art. 6(1)(a) GDPR)"),
    "consent": say("Consent (Art. 6(1)(a) GDPR)"),
    "existing_customer": say(
        "Existing customers, for similar products (Art. 6(1)(f) GDPR, national law on soft opt-in)"
    ),
    "own_request": say("Answers to what the person did (Art. 6(1)(b) GDPR)"),
    "legitimate_interest": say("Legitimate interest (Art. 6(1)(f) GDPR)"),
}

# What is kept of a purpose, besides the consents that hold.
KEPT = ("messages", "withdrawn_proofs")

# What went out: the gate decided last about each message; files for calls and letters were decided about once.
_USED = """
    SELECT c.purpose, c.channel, k.name AS controller, d.basis, count(DISTINCT d.address_id) AS people,
      max(c.decided_at) AS last_at
    FROM decision AS d JOIN decision_context AS c ON c.batch_id = d.batch_id
    JOIN controller AS k ON k.id = c.controller_id
    WHERE d.verdict = 'send' AND c.stage IN ('gate', 'export')
    GROUP BY c.purpose, c.channel, k.name, d.basis ORDER BY c.purpose, c.channel, k.name, d.basis
"""

_LISTS = """
    SELECT c.purpose, array_agg(DISTINCT name ORDER BY name) AS lists
    FROM decision_context AS c, jsonb_object_keys(c.list_versions) AS name GROUP BY c.purpose
"""


def basis_named(basis: str) -> Sentence | str:
    """What a basis is called in the register."""
    return BASES.get(basis, basis)


def used(session: Session) -> dict[str, list[dict[str, Any]]]:
    """The grounds that messages really went out on, by purpose, in one query over the decisions."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in session.execute(text(_USED)):
        found.setdefault(row.purpose, []).append(
            {
                "basis": basis_named(row.basis),
                "channel": row.channel,
                "controller": row.controller,
                "people": row.people,
                "last_at": row.last_at,
            }
        )
    return found


def given(session: Session) -> dict[str, list[dict[str, Any]]]:
    """The consents that hold, by purpose: how they were given, under which words, to whom, on which channel."""
    rows = session.execute(
        select(Consent.purpose, Consent.basis, Consent.text_version, Consent.channel, Controller.name, func.count())
        .join(Controller, Controller.id == Consent.controller_id)
        .where(Consent.withdrawn_at.is_(None), Consent.confirmed_at.is_not(None))
        .group_by(Consent.purpose, Consent.basis, Consent.text_version, Consent.channel, Controller.name)
        .order_by(Consent.purpose, Consent.basis, Consent.text_version, Consent.channel, Controller.name)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for purpose, basis, version, channel, controller, people in rows:
        found.setdefault(purpose, []).append(
            {
                "basis": basis_named(basis),
                "words": version,
                "people": people,
                "channel": channel.value,
                "controller": controller,
            }
        )
    return found


def lists_asked(session: Session) -> dict[str, list[str]]:
    """The do-not-contact lists that were asked, by purpose."""
    return {row.purpose: list(row.lists) for row in session.execute(text(_LISTS))}


def kept_for(session: Session) -> list[dict[str, Any]]:
    """How long what belongs to a purpose is kept."""
    days = terms(session)
    return [{"kind": KINDS[code].title, "days": days[code]} for code in KEPT]
