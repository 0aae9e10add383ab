"""Consents given on paper or in a call, put on record by a colleague with what proves them.

They count as consent from the moment on which they were given, and are never taken for a double opt-in: `basis` says
how each was given. A refusal is never answered this way: who withdrew comes back by the own hands only.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.completeness import OFFLINE
from contacts.consent_evidence import GivenOffline
from contacts.consent_models import Consent, ConsentEvent, ConsentStep, ConsentText
from contacts.consents import put_on_record
from contacts.models import Channel
from contacts.proofs import NewProof, keep_proofs
from contacts.scans import Scan
from core import clock
from core.errors import NotAllowed, WrongInput
from core.sentences import say

LONGEST = 500
CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PHONE)


@dataclass(frozen=True, kw_only=True)
class OfflineConsent:
    """What somebody enters. `typed`: the address or number as it was written, `normalised` as it is understood.

    `basis` is written or recorded; on paper needs `scan`, a call the reference of its `recording`.
    """

    address_id: int
    controller_id: int
    channel: Channel
    purpose: str
    basis: str
    text_version: str
    text_locale: str
    typed: str
    normalised: str
    given_at: datetime
    place: str
    taken_by: str
    recorded_by: str
    scan: Scan | None = None
    recording: str | None = None
    note: str | None = None


def record_offline_consent(session: Session, given: OfflineConsent) -> int:
    """Put a consent on record and answer its id; WrongInput names the field, NotAllowed says who has refused."""
    _require_whole(given)
    words = session.scalar(
        select(ConsentText).where(ConsentText.version == given.text_version, ConsentText.locale == given.text_locale)
    )
    if words is None:
        raise WrongInput(
            "consent_text_unknown",
            say("There is no wording %(version)s in this language.", version=repr(given.text_version[:60])),
            say("Choose the words that stood on the paper or were read out; store them first when they are new."),
            where="words",
        )
    consent = _ready(session, given)
    _require_no_refusal(consent)
    _require_new(session, consent, given)
    evidence = _evidence(session, given, text_sha256=words.sha256.hex(), consent=consent)
    if consent.confirmed_at is None or consent.confirmed_at < given.given_at:
        consent.confirmed_at, consent.basis, consent.text_version = given.given_at, given.basis, given.text_version
        consent.requested_at = min(consent.requested_at, given.given_at)
        session.flush()
    put_on_record(session, consent_id=consent.id, at=given.given_at, evidence=evidence)
    return consent.id


def _require_whole(given: OfflineConsent) -> None:
    if given.basis not in OFFLINE or given.channel not in CHANNELS:
        raise WrongInput(
            "consent_kind_unknown", say("Say whether it was given in writing or in a call."), where="basis"
        )
    for name in ("purpose", "place", "taken_by"):
        if not getattr(given, name):
            raise WrongInput("missing", say("This must not be empty."), where=name)
        if len(getattr(given, name)) > LONGEST:
            raise WrongInput("too_long", say("At most %(most)s characters.", most=LONGEST), where=name)
    if given.given_at > clock.now():
        raise WrongInput("in_future", say("This moment lies in the future."), where="given_at")
    if given.basis == "written" and given.scan is None:
        raise WrongInput(
            "scan_missing",
            say("A consent on paper counts with its scan only."),
            say("Choose the file: PDF, PNG or JPEG."),
            where="scan",
        )
    if given.basis == "recorded" and not given.recording:
        raise WrongInput(
            "recording_missing",
            say("A consent in a call counts only when its recording is named."),
            say("Give the file name or number under which it is kept."),
            where="recording",
        )


def _ready(session: Session, given: OfflineConsent) -> Consent:
    """The locked row of this consent, made when there is none."""
    whose = {
        "address_id": given.address_id,
        "controller_id": given.controller_id,
        "channel": given.channel,
        "purpose": given.purpose,
    }
    session.execute(
        insert(Consent)
        .values(**whose, basis=given.basis, text_version=given.text_version, requested_at=given.given_at)
        .on_conflict_do_nothing()
    )
    return session.execute(
        select(Consent).filter_by(**whose).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()


def _require_no_refusal(consent: Consent) -> None:
    if consent.withdrawn_at is not None:
        raise NotAllowed(
            "consent_withdrawn",
            say("This consent was withdrawn on %(day)s.", day=consent.withdrawn_at.date().isoformat()),
            say("Only the person takes that back: by a sign-up that is confirmed."),
        )


def _require_new(session: Session, consent: Consent, given: OfflineConsent) -> None:
    known = select(ConsentEvent.id).where(
        ConsentEvent.consent_id == consent.id,
        ConsentEvent.step == ConsentStep.CONFIRMED,
        ConsentEvent.at == given.given_at,
    )
    if session.scalar(known) is not None:
        raise WrongInput("consent_known", say("A consent of this very moment is on record already."), where="given_at")


def _evidence(session: Session, given: OfflineConsent, *, text_sha256: str, consent: Consent) -> GivenOffline:
    digest = None
    if given.scan is not None:
        about = {"type": given.scan.type, "bytes": len(given.scan.content)}
        proof = NewProof(given.scan.content, subject=f"consent:{consent.id}", about=about)
        (digest,) = keep_proofs(session, [proof])
    return GivenOffline(
        basis=given.basis,
        text_version=given.text_version,
        text_sha256=text_sha256,
        text_locale=given.text_locale,
        typed=given.typed[:LONGEST],
        normalised=given.normalised,
        given_at=given.given_at.isoformat(timespec="milliseconds"),
        place=given.place,
        taken_by=given.taken_by,
        recorded_by=given.recorded_by,
        evidence_ref=given.recording or f"scan:{digest}",
        scan_sha256=digest,
        scan_type=given.scan.type if given.scan else None,
        scan_bytes=len(given.scan.content) if given.scan else None,
        note=given.note or None,
    )


def latest_texts(session: Session) -> list[ConsentText]:
    """Every wording in every language, newest first, to choose from."""
    return list(session.scalars(select(ConsentText).order_by(ConsentText.id.desc())))


def scan_type(session: Session, consent_id: int, digest: str) -> str | None:
    """The type of a scan that a step of this consent names; None when none does."""
    return session.scalar(
        select(ConsentEvent.evidence["scan_type"].astext).where(
            ConsentEvent.consent_id == consent_id, ConsentEvent.evidence["scan_sha256"].astext == digest
        )
    )
