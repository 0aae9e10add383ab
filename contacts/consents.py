"""Consents as people give and withdraw them: each step is an event with its evidence, the state is their sum.

A consent holds when `confirmed_at` is there and `withdrawn_at` is not. Both move forward only: a withdrawal counts
until the person confirms again, later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.consent_evidence import Asked, Confirmed, GivenOffline, Keeping, LandingViewed, MailSent, Withdrawn
from contacts.consent_models import Consent
from contacts.consent_steps import Step, record_steps
from contacts.models import Channel, Controller
from core.clock import require_aware
from core.errors import NotFound, WrongInput
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
    record_steps(session, [Step(consent_id, at, evidence, about, keeping)])
    return consent_id


def note_consent_step(session: Session, *, consent_id: int, at: datetime, evidence: MailSent | LandingViewed) -> None:
    """Note a step that changes no state: the mail went out, the page was opened."""
    record_steps(session, [Step(consent_id, require_aware(at), evidence)])


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
    record_steps(session, [Step(consent_id, at, evidence, _about(session, consent_id))])
    return True


def put_on_record(session: Session, *, consent_id: int, at: datetime, evidence: GivenOffline) -> None:
    """Append the step of a consent whose state somebody else has set already."""
    record_steps(session, [Step(consent_id, at, evidence, _about(session, consent_id))])


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """Somebody takes consents back; an absent controller, channel or purpose means all."""

    address_id: int
    at: datetime
    evidence: Withdrawn
    controller_id: int | None = None
    channel: Channel | None = None
    purpose: str | None = None

    def takes_back(self, consent: Consent) -> bool:
        """Whether it is about this consent, which was neither taken back later nor given anew since."""
        return (
            consent.address_id == self.address_id
            and self.controller_id in {None, consent.controller_id}
            and self.channel in {None, consent.channel}
            and self.purpose in {None, consent.purpose}
            and (consent.withdrawn_at is None or consent.withdrawn_at < self.at)
            and (consent.confirmed_at is None or consent.confirmed_at <= self.at)
        )


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
    said = Withdrawal(
        address_id=address_id,
        at=require_aware(at),
        evidence=evidence,
        controller_id=controller_id,
        channel=channel,
        purpose=purpose,
    )
    return withdraw_consents(session, [said])


def withdraw_consents(session: Session, withdrawals: Sequence[Withdrawal]) -> list[int]:
    """Take back the consents of many addresses under one seal. Answers their ids."""
    addresses = {each.address_id for each in withdrawals}
    theirs: dict[int, list[Consent]] = {}
    wanted = select(Consent).where(Consent.address_id.in_(addresses)).order_by(Consent.id).with_for_update()
    for consent in session.scalars(wanted):
        theirs.setdefault(consent.address_id, []).append(consent)
    steps = []
    for each in withdrawals:
        for consent in theirs.get(each.address_id, []):
            if each.takes_back(consent):
                consent.withdrawn_at = each.at
                steps.append(Step(consent.id, each.at, each.evidence))
    session.flush()
    record_steps(session, steps)
    return [step.consent_id for step in steps]


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
