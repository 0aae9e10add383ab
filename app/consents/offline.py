"""Entering a consent that was given on paper or in a call: whose it is, what stands against it, and who did it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.rights.subject import require_sight
from contacts import (
    OfflineConsent,
    Scan,
    add_contact,
    e164,
    email_address,
    find_address,
    find_phone,
    record_offline_consent,
    scan_type,
    take_out,
)
from contacts.consent_models import Consent
from contacts.models import Channel, Controller, Endpoint
from core import audit
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression import Cause, Entry, entries

# What paper answers to none of: the person's own later opt-in does, or two colleagues who lift it.
REFUSALS = frozenset({Cause.OPTED_OUT, Cause.COMPLAINT, Cause.HARD_BOUNCE})

SOURCE = "offline"


@dataclass(frozen=True)
class Whose:
    """An address or number: the row that stands for it, how it is understood, and the contact who has it."""

    address_id: int
    normalised: str
    contact_id: int


def enter(session: Session, form: Mapping[str, str], *, scan: Scan | None, zone: tzinfo, actor: Actor) -> str:
    """Put a consent on record as a form describes it; answers its reference. Mistakes name their field."""
    actor.require(Permission.IMPORT_CONTACTS)
    channel, given_at = _channel(form), _given_at(form, zone)
    whose = _whose(session, form.get("address", "").strip(), channel)
    require_sight(session, whose.contact_id, actor=actor)
    version, _, locale = form.get("words", "").rpartition("/")
    given = OfflineConsent(
        address_id=whose.address_id,
        controller_id=_controller(session, form.get("controller", "")),
        channel=channel,
        purpose=form.get("purpose", "").strip(),
        basis=form.get("basis", ""),
        text_version=version,
        text_locale=locale,
        typed=form.get("address", "").strip(),
        normalised=whose.normalised,
        given_at=given_at,
        place=form.get("place", "").strip(),
        taken_by=form.get("taken_by", "").strip(),
        recorded_by=actor.email,
        scan=scan,
        recording=form.get("recording", "").strip() or None,
        note=form.get("note", "").strip() or None,
    )
    _require_no_refusal(session, given)
    consent = session.get_one(Consent, record_offline_consent(session, given))
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="consent.record",
        object_type="consent",
        object_id=consent.reference,
        basis=given.basis,
        channel=channel.value,
        purpose=given.purpose,
        given_at=given_at.isoformat(),
    )
    return str(consent.reference)


def _channel(form: Mapping[str, str]) -> Channel:
    try:
        return Channel(form.get("channel", ""))
    except ValueError:
        raise WrongInput("channel_unknown", say("Choose a channel."), where="channel") from None


def _given_at(form: Mapping[str, str], zone: tzinfo) -> datetime:
    try:
        found = datetime.fromisoformat(form.get("given_at", ""))
    except ValueError:
        raise WrongInput(
            "time_invalid", say("Date and time are needed; a date alone proves little."), where="given_at"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _controller(session: Session, code: str) -> int:
    found = session.scalar(select(Controller.id).where(Controller.code == code))
    if found is None:
        raise WrongInput("controller_unknown", say("Choose who was agreed with."), where="controller")
    return found


def _whose(session: Session, typed: str, channel: Channel) -> Whose:
    """Whom an address or number belongs to. Somebody new can be reached by e-mail only: a number needs its person."""
    if channel is Channel.EMAIL:
        try:
            email = email_address(typed)
        except WrongInput as error:
            raise WrongInput(error.code, error.message, error.remedy, where="address") from None
        contact_id = add_contact(session, email=email, source=SOURCE)
        return Whose(find_address(session, email.value) or 0, email.key, contact_id)
    number = e164(typed, None)
    if number is None:
        raise WrongInput(
            "not_a_phone_number", say("Write the number with its country code, like +43 664 1234567."), where="address"
        )
    owner = session.scalar(
        select(Endpoint.contact_id).where(
            Endpoint.channel == channel, Endpoint.address_id == find_phone(session, number)
        )
    )
    if owner is None:
        raise WrongInput(
            "number_unknown",
            say("Nobody here has this number on this channel."),
            say("Import it first, with the customer number of its person: crusoe import endpoints."),
            where="address",
        )
    return Whose(find_phone(session, number) or 0, number, owner)


def _require_no_refusal(session: Session, given: OfflineConsent) -> None:
    """A colleague's entry must not undo what the person said."""
    confirmed = session.scalar(
        select(Consent.confirmed_at).filter_by(
            address_id=given.address_id,
            controller_id=given.controller_id,
            channel=given.channel,
            purpose=given.purpose,
        )
    )
    standing = [one for one in entries(session, address_id=given.address_id) if _answered_by(one, given)]
    standing = [one for one in standing if confirmed is None or confirmed < one.at]
    if standing:
        raise NotAllowed(
            "objection_stands",
            say(
                "An objection of %(day)s stands against it; a consent on paper or in a call does not answer that.",
                day=standing[0].at.date().isoformat(),
            ),
            say("Ask the person to sign up in the form and to confirm the mail."),
        )


def _answered_by(entry: Entry, given: OfflineConsent) -> bool:
    """Whether the gate would take this consent for an answer to an entry, because it is younger."""
    return (
        entry.cause in REFUSALS
        and entry.lifted_at is None
        and entry.at < given.given_at
        and entry.channel in {None, given.channel.value}
        and entry.purpose in {None, given.purpose}
        and entry.controller_id in {None, given.controller_id}
    )


def open_scan(session: Session, consent: Consent, digest: str, *, actor: Actor) -> Scan:
    """The scan of a consent, for compliance; that it was opened is written down."""
    actor.require(Permission.SEE_RESTRICTED)
    kind = scan_type(session, consent.id, digest)
    content = take_out(session, [digest]).get(digest) if kind else None
    if kind is None or content is None:
        raise NotFound(
            "scan_unknown",
            say("There is no such scan."),
            say("Scans are removed when the term for proofs of withdrawn consents is over."),
        )
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="consent.scan_open",
        object_type="consent",
        object_id=consent.reference,
        sha256=digest,
    )
    return Scan(content, kind)
