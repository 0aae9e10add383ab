"""The whole record of a consent, as it is shown to people, printed, and handed to a court."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.completeness import PROOFS, kind_of, missing, provenance
from contacts.consent_evidence import read_particulars
from contacts.consent_models import Consent, ConsentEvent, ConsentText
from contacts.models import Controller
from contacts.proofs import kept_of, take_out


def consent_records(session: Session, consent_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The records of these consents by id: state, wording, and every step with its evidence, oldest first.

    The personal part of a step is put back among its fields; `particulars` names its digest, and `particulars_state`
    says `intact`, or `gone` when it was forgotten or no longer fits that digest. `how_given` says in which way it was,
    `migrated` from where it was taken over, `missing` what its evidence lacks (see `completeness`). Read in sets.
    """
    rows = session.execute(
        select(Consent, Controller.name)
        .join(Controller, Controller.id == Consent.controller_id)
        .where(Consent.id.in_(consent_ids))
        .order_by(Consent.id)
    ).all()
    steps = _steps(session, consent_ids)
    words = _words(session, {row.Consent.text_version for row in rows})
    return {
        row.Consent.id: _judged(
            {
                "id": row.Consent.id,
                "reference": str(row.Consent.reference),
                "controller": row.name,
                "channel": row.Consent.channel.value,
                "purpose": row.Consent.purpose,
                "basis": row.Consent.basis,
                "text_version": row.Consent.text_version,
                "wording": words.get(row.Consent.text_version, {}),
                "requested_at": row.Consent.requested_at,
                "confirmed_at": row.Consent.confirmed_at,
                "withdrawn_at": row.Consent.withdrawn_at,
                "steps": steps.get(row.Consent.id, []),
            }
        )
        for row in rows
    }


def _judged(record: dict[str, Any]) -> dict[str, Any]:
    """A record with what follows from it."""
    return record | {
        "how_given": kind_of(record).value,
        "migrated": provenance(record),
        "missing": list(missing(record)),
    }


def _steps(session: Session, consent_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    events = session.scalars(
        select(ConsentEvent)
        .where(ConsentEvent.consent_id.in_(consent_ids))
        .order_by(ConsentEvent.at, ConsentEvent.step, ConsentEvent.id)
    ).all()
    opened = take_out(session, {event.evidence["particulars"] for event in events if "particulars" in event.evidence})
    others = {digest for event in events for name, digest in _named(event).items() if name != "particulars"}
    there = set(opened) | kept_of(session, others)
    found: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        step: dict[str, Any] = {"step": event.step.value, "at": event.at} | event.evidence
        digest = event.evidence.get("particulars")
        if digest is not None:
            content = opened.get(digest)
            step |= {"particulars_state": "gone" if content is None else "intact"}
            step |= {} if content is None else read_particulars(content)
        gone = [name for name, digest in _named(event).items() if digest not in there]
        step |= {"gone": gone} if gone else {}
        found.setdefault(event.consent_id, []).append(step)
    return found


def _named(event: ConsentEvent) -> dict[str, str]:
    """The proofs that a step names, by the field that names them."""
    return {name: event.evidence[name] for name in sorted(PROOFS) if name in event.evidence}


def _words(session: Session, versions: set[str | None]) -> dict[str | None, dict[str, str]]:
    """The words that people agreed to, by version and language."""
    found: dict[str | None, dict[str, str]] = {}
    for text in session.scalars(select(ConsentText).where(ConsentText.version.in_(versions - {None}))):
        found.setdefault(text.version, {})[text.locale] = text.text
    return found
