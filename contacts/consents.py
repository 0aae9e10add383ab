"""Consents as people give and withdraw them: each step is an event with its evidence, the state is their sum.

A consent holds when `confirmed_at` is there and `withdrawn_at` is not. Both move forward only: a withdrawal counts
until the person confirms again, later.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.consent_evidence import (
    STEPS,
    Asked,
    Confirmed,
    Evidence,
    GivenOffline,
    Keeping,
    LandingViewed,
    MailSent,
    Withdrawn,
    facts,
    particulars,
)
from contacts.consent_models import CHAIN, Consent, ConsentEvent
from contacts.models import Channel, Controller
from contacts.proofs import NewProof, keep_proofs
from core.clock import require_aware
from core.errors import NotFound, WrongInput
from core.evidence import open_batch, seal
from core.sentences import say

DOUBLE_OPT_IN = "double_opt_in"


def request_consent(
    session: Session,
    *,
    address_id: int,
    controller_id: int,
    purpose: str,
    at: datetime,
    evidence: Asked,
    channel: Channel = Channel.EMAIL,
    keeping: Keeping | None = None,
) -> int:
    """Note that somebody asked to be written to. Answers the consent's id; a consent that holds goes on holding.

    `keeping` says for how long it is known who it was, when nobody confirms.
    """
    at = require_aware(at)
    values = {"text_version": evidence.text_version, "requested_at": at}
    statement = insert(Consent).values(
        address_id=address_id,
        controller_id=controller_id,
        channel=channel,
        purpose=purpose,
        basis=DOUBLE_OPT_IN,
        **values,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["address_id", "controller_id", "channel", "purpose"],
        # What was confirmed was confirmed under the words of then; only an open request takes the new ones.
        set_=values,
        where=Consent.confirmed_at.is_(None) & (Consent.requested_at < at),
    )
    session.execute(statement)
    consent_id = session.scalar(
        select(Consent.id).where(
            Consent.address_id == address_id,
            Consent.controller_id == controller_id,
            Consent.channel == channel,
            Consent.purpose == purpose,
        )
    )
    if consent_id is None:
        raise NotFound("consent_unknown", say("The consent was not stored."))
    about = _about(session, consent_id) | {"requested_at": at.isoformat(timespec="milliseconds")}
    _record(session, consent_id=consent_id, at=at, evidence=evidence, about=about, keeping=keeping)
    return consent_id


def note_consent_step(session: Session, *, consent_id: int, at: datetime, evidence: MailSent | LandingViewed) -> None:
    """Note a step that changes no state: the mail went out, the page was opened."""
    _record(session, consent_id=consent_id, at=require_aware(at), evidence=evidence)


def confirm_consent(
    session: Session,
    *,
    consent_id: int,
    at: datetime,
    evidence: Confirmed,
    text_version: str | None = None,
    basis: str | None = DOUBLE_OPT_IN,
) -> bool:
    """Make a consent hold. False when this or a later confirmation is stored already.

    `text_version` is that of the request which is confirmed; needed when an older consent held meanwhile. `basis` None:
    the consent rests on what it rested on, as when it is renewed.
    """
    at = require_aware(at)
    consent = _locked(session, consent_id)
    if consent.confirmed_at is not None and consent.confirmed_at >= at:
        return False
    if at < consent.requested_at:
        raise WrongInput("confirmed_too_early", say("A consent cannot be confirmed before it was requested."))
    consent.confirmed_at = at
    if text_version is not None:
        consent.text_version = text_version
    if basis is not None:
        consent.basis = basis
    if consent.withdrawn_at is not None and consent.withdrawn_at < at:
        consent.withdrawn_at = None
    session.flush()
    _record(session, consent_id=consent_id, at=at, evidence=evidence, about=_about(session, consent_id))
    return True


def put_on_record(session: Session, *, consent_id: int, at: datetime, evidence: GivenOffline) -> None:
    """Append the step of a consent whose state somebody else has set already."""
    _record(session, consent_id=consent_id, at=at, evidence=evidence, about=_about(session, consent_id))


def withdraw_consent(
    session: Session,
    *,
    address_id: int,
    at: datetime,
    evidence: Withdrawn,
    controller_id: int | None = None,
    channel: Channel | None = None,
    purpose: str | None = None,
) -> list[int]:
    """Take back the consents of an address; an absent controller, channel or purpose means all. Answers their ids.

    Stopping the mail is the suppression list's task; this notes what the person said about the consent itself.
    """
    at = require_aware(at)
    wanted = select(Consent).where(Consent.address_id == address_id).order_by(Consent.id).with_for_update()
    for column, value in (
        (Consent.controller_id, controller_id),
        (Consent.channel, channel),
        (Consent.purpose, purpose),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    changed = [
        consent
        for consent in session.scalars(wanted)
        if (consent.withdrawn_at is None or consent.withdrawn_at < at)
        and (consent.confirmed_at is None or consent.confirmed_at <= at)
    ]
    for consent in changed:
        consent.withdrawn_at = at
    session.flush()
    for consent in changed:
        _record(session, consent_id=consent.id, at=at, evidence=evidence)
    return [consent.id for consent in changed]


def _locked(session: Session, consent_id: int) -> Consent:
    consent = session.scalar(
        select(Consent).where(Consent.id == consent_id).with_for_update().execution_options(populate_existing=True)
    )
    if consent is None:
        raise NotFound("consent_unknown", say("There is no consent %(consent_id)s.", consent_id=consent_id))
    return consent


def _about(session: Session, consent_id: int) -> dict[str, Any]:
    """What was agreed, as it stands now: the controller's name may change later, the evidence may not."""
    row = session.execute(select(Consent, Controller.name).join(Controller).where(Consent.id == consent_id)).one()
    consent = row.Consent
    return {
        "reference": str(consent.reference),
        "controller_id": consent.controller_id,
        "controller_name": row.name,
        "channel": consent.channel,
        "purpose": consent.purpose,
        "text_version": consent.text_version,
    }


def _record(
    session: Session,
    *,
    consent_id: int,
    at: datetime,
    evidence: Evidence,
    about: dict[str, Any] | None = None,
    keeping: Keeping | None = None,
) -> None:
    """Append one event, unless the same step at the same moment is there already."""
    said = {**(about or {}), **facts(evidence)}
    personal = particulars(evidence)
    if personal is not None:
        keeping = keeping or Keeping(subject=f"consent:{consent_id}")
        (said["particulars"],) = keep_proofs(session, [NewProof(personal, keeping.subject, keeping.until)])
    batch = open_batch(session)
    session.execute(
        insert(ConsentEvent)
        .values(
            batch_id=batch,
            consent_id=consent_id,
            step=STEPS[type(evidence)],
            at=at,
            recorded_at=func.now(),
            evidence=said,
        )
        .on_conflict_do_nothing(index_elements=["consent_id", "step", "at"])
    )
    seal(session, chain=CHAIN, batch_id=batch)
