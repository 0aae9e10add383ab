"""Double opt-in: somebody asks in a form, and the owner of the mailbox confirms with a button.

Both steps are kept with their evidence. Who asks learns nothing about the address: the answer is the same whether it is
known, blocked, or was asked too often.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from contacts import (
    EmailAddress,
    LandingViewed,
    add_contact,
    choose,
    confirm_consent,
    email_address,
    ensure_addresses,
    find_address,
    keep_for_good,
    note_consent_step,
    request_consent,
)
from contacts.consent_models import Consent
from contacts.models import Controller
from core import clock
from core.keys import address_key, fingerprint
from delivery import copy_subject, enqueue, notice_run
from preferences import evidence
from preferences.forms import OpenForm
from preferences.limits import (
    LIFETIME,
    MOST_PER_FORM_AND_HOUR,
    MOST_PER_IP_AND_HOUR,
    PERIOD,
    mailbox,
    may_ask_again,
    place,
)
from preferences.mails_sent import handed_over_at, note_mail
from preferences.masking import masked
from preferences.models import SignupForm, SignupMail, SignupRequest
from preferences.notices import CONFIRMATION
from preferences.visits import Visit
from tracking import make_id_token, read_id_token

log = structlog.get_logger()


@dataclass(frozen=True)
class Landing:
    """What the page behind the link in the mail shows."""

    masked: str
    controller: Controller
    purpose: str
    topics: tuple[str, ...]
    requested_at: datetime
    locale: str
    confirmed: bool
    expired: bool


def ask(session: Session, *, form: OpenForm, typed: str, locale: str, visit: Visit) -> bool:
    """Take a sign-up and send the mail that asks for its confirmation. Answers whether a mail goes out.

    The caller shows the same page either way. Raises WrongInput only for what is no address at all.
    """
    email = email_address(typed)
    now = clock.now()
    key = address_key(mailbox(email.key))
    # Two requests for one mailbox at the same time: the second waits, then sees the first.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('signup'), hashtext(:key))"), {"key": key.hex()})
    if not _within_limits(session, form=form, key=key, ip=place(visit.ip), now=now):
        return False
    session.add(SignupMail(mailbox_key=key, asked_at=now))
    request = _store(session, form=form, typed=typed, email=email, locale=locale, visit=visit, now=now)
    reference = session.get_one(Consent, request.consent_id).reference
    request.message_id = enqueue(
        session,
        run_id=notice_run(session, CONFIRMATION, sender=form.sender, controller=form.controller, locale=locale),
        address_id=request.address_id,
        occurrence=request.id,
        recipient=email.value,
        values={
            "confirm_url": {"path": "/k/", "sign": request.id},
            "asked_at": f"{now:%Y-%m-%d %H:%M} UTC",
            "reference": str(reference),
        },
        keep_copy=True,
    )
    session.flush()
    return request.message_id is not None


def _within_limits(session: Session, *, form: OpenForm, key: bytes, ip: str | None, now: datetime) -> bool:
    earlier = session.scalars(
        select(SignupMail.asked_at).where(SignupMail.mailbox_key == key, SignupMail.asked_at > now - PERIOD)
    )
    if not may_ask_again(list(earlier), now=now):
        return False
    lately = SignupRequest.requested_at > func.now() - text("interval '1 hour'")
    of_form = session.scalar(select(func.count()).where(SignupRequest.form_id == form.id, lately)) or 0
    from_there = session.scalar(select(func.count()).where(SignupRequest.ip == ip, lately)) if ip else 0
    if of_form >= MOST_PER_FORM_AND_HOUR:
        log.warning("form_limit_reached", form=form.code)
        return False
    return (from_there or 0) < MOST_PER_IP_AND_HOUR


def _store(
    session: Session, *, form: OpenForm, typed: str, email: EmailAddress, locale: str, visit: Visit, now: datetime
) -> SignupRequest:
    number = session.scalar(text("SELECT nextval(pg_get_serial_sequence('signup_request', 'id'))")) or 0
    address_id = ensure_addresses(session, [email])[email.key]
    token, expires = make_id_token(number), now + LIFETIME
    consent_id = request_consent(
        session,
        address_id=address_id,
        controller_id=form.controller.id,
        purpose=form.purpose,
        at=now,
        evidence=evidence.asked(form, typed=typed, email=email, token=token, expires=expires, visit=visit),
        keeping=evidence.keeping(number, requested_at=now),
    )
    session.execute(
        text(
            "INSERT INTO signup_request (id, form_id, address_id, consent_id, token_sha256, typed, text_version,"
            " locale, ip, requested_at, expires_at) OVERRIDING SYSTEM VALUE VALUES (:id, :form, :address, :consent,"
            " :token, :typed, :version, :locale, :ip, :at, :expires)"
        ),
        {
            "id": number,
            "form": form.id,
            "address": address_id,
            "consent": consent_id,
            "token": fingerprint(token),
            "typed": email.value,
            "version": form.text.version,
            "locale": locale,
            "ip": place(visit.ip),
            "at": now,
            "expires": expires,
        },
    )
    return session.get_one(SignupRequest, number)


def landing(session: Session, *, token: str) -> Landing | None:
    """What the link in the mail leads to, or None when it is not ours. Changes nothing: scanners open links too."""
    found = _find(session, token=token)
    if found is None:
        return None
    request, form, controller = found
    return Landing(
        masked=masked(request.typed) if request.typed else "",
        controller=controller,
        purpose=form.purpose,
        topics=tuple(form.topics),
        requested_at=request.requested_at,
        locale=request.locale,
        confirmed=request.confirmed_at is not None,
        expired=request.confirmed_at is None and request.expires_at <= clock.now(),
    )


def confirm(session: Session, *, token: str, visit: Visit) -> Landing | None:
    """The button: from now on the consent holds. Doing it again changes nothing and says the same.

    An earlier objection or bounce needs no lifting: a later confirmation outranks it.
    """
    found = _find(session, token=token, lock=True)
    if found is None:
        return None
    request, form, _ = found
    now = clock.now()
    if request.confirmed_at is None and request.expires_at > now and request.typed:
        _store_contact(session, request=request, form=form)
        _note_steps(session, request, visit=visit, now=now)
        request.confirmed_at = now
        session.flush()
    answer = landing(session, token=token)
    if request.confirmed_at is not None:
        # The endpoint has it now; a second copy would survive the person's erasure.
        request.typed = None
        session.flush()
    return answer


def _note_steps(session: Session, request: SignupRequest, *, visit: Visit, now: datetime) -> None:
    """Put the proof of all steps on record, for good: the mail, the page behind its link, and the button."""
    note_mail(session, request, arrived=True)
    if visit.shown_at is not None:
        seen = LandingViewed(ip=visit.ip, user_agent=visit.user_agent)
        note_consent_step(session, consent_id=request.consent_id, at=visit.shown_at, evidence=seen)
    pressed = evidence.confirmed(visit, at=now, mailed_at=handed_over_at(session, request))
    confirm_consent(session, consent_id=request.consent_id, at=now, evidence=pressed, text_version=request.text_version)
    subjects = [evidence.request_subject(request.id), copy_subject(request.message_id or 0)]
    keep_for_good(session, subjects)


def _store_contact(session: Session, *, request: SignupRequest, form: SignupForm) -> None:
    """Only who confirmed becomes a contact. One that exists keeps its own data; the language is what was used last."""
    email = email_address(request.typed or "")
    add_contact(session, email=email, language=request.locale, source=f"form:{form.code}")
    address_id = find_address(session, email.value)
    if address_id is not None:
        choose(session, address_id, language=request.locale)


def _find(session: Session, *, token: str, lock: bool = False) -> tuple[SignupRequest, SignupForm, Controller] | None:
    number = read_id_token(token)
    if number is None:
        return None
    query = (
        select(SignupRequest, SignupForm, Controller)
        .join(SignupForm, SignupForm.id == SignupRequest.form_id)
        .join(Controller, Controller.id == SignupForm.controller_id)
        .where(SignupRequest.id == number)
    )
    row = session.execute(query.with_for_update(of=SignupRequest) if lock else query).first()
    if row is None or not hmac.compare_digest(row.SignupRequest.token_sha256, fingerprint(token)):
        return None
    return row.SignupRequest, row.SignupForm, row.Controller
