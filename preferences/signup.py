"""Double opt-in: somebody asks in a form, and the owner of the mailbox confirms with a button.

Both steps are kept with their evidence. Who asks learns nothing about the address: the answer is the same whether it is
known, blocked, or was asked too often.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from contacts import (
    Asked,
    Confirmed,
    EmailAddress,
    LandingViewed,
    add_contact,
    choose,
    confirm_consent,
    email_address,
    ensure_addresses,
    find_address,
    note_consent_step,
    request_consent,
)
from contacts.models import Controller
from core import clock
from core.keys import address_key, fingerprint
from delivery import enqueue
from preferences.forms import OpenForm
from preferences.limits import LIFETIME, MOST_PER_IP_AND_HOUR, PERIOD, mailbox, may_ask_again
from preferences.masking import masked
from preferences.models import SignupForm, SignupRequest
from preferences.notices import CONFIRMATION, run_for
from tracking import make_id_token, read_id_token


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Where a request came from, as far as the law wants it kept, and the page as it was shown."""

    ip: str | None
    user_agent: str | None
    referrer: str | None = None
    page_url: str | None = None
    page_sha256: str | None = None
    shown_at: datetime | None = None


@dataclass(frozen=True)
class Landing:
    """What the page behind the link in the mail shows."""

    masked: str
    controller: Controller
    purpose: str
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
    if not _within_limits(session, key=key, ip=visit.ip, now=now):
        return False
    request = _store(session, form=form, email=email, key=key, locale=locale, visit=visit, now=now)
    request.message_id = enqueue(
        session,
        run_id=run_for(session, CONFIRMATION, sender=form.sender, controller=form.controller, locale=locale),
        address_id=request.address_id,
        occurrence=request.id,
        recipient=email.value,
        values={"confirm_url": {"path": "/k/", "sign": request.id}, "asked_at": f"{now:%Y-%m-%d %H:%M} UTC"},
    )
    session.flush()
    return request.message_id is not None


def _within_limits(session: Session, *, key: bytes, ip: str | None, now: datetime) -> bool:
    earlier = session.scalars(
        select(SignupRequest.requested_at).where(
            SignupRequest.mailbox_key == key, SignupRequest.requested_at > now - PERIOD
        )
    )
    if not may_ask_again(list(earlier), now=now):
        return False
    if ip is None:
        return True
    from_there = session.scalar(
        select(func.count()).where(
            SignupRequest.ip == ip, SignupRequest.requested_at > func.now() - text("interval '1 hour'")
        )
    )
    return (from_there or 0) < MOST_PER_IP_AND_HOUR


def _store(
    session: Session, *, form: OpenForm, email: EmailAddress, key: bytes, locale: str, visit: Visit, now: datetime
) -> SignupRequest:
    number = session.scalar(text("SELECT nextval(pg_get_serial_sequence('signup_request', 'id'))")) or 0
    address_id = ensure_addresses(session, [email])[email.key]
    expires = now + LIFETIME
    consent_id = request_consent(
        session,
        address_id=address_id,
        controller_id=form.controller.id,
        purpose=form.purpose,
        at=now,
        evidence=_evidence(form, token=make_id_token(number), expires=expires, visit=visit),
    )
    session.execute(
        text(
            "INSERT INTO signup_request (id, form_id, address_id, consent_id, mailbox_key, typed, text_version, locale,"
            " ip, requested_at, expires_at) OVERRIDING SYSTEM VALUE VALUES (:id, :form, :address, :consent, :key,"
            " :typed, :version, :locale, :ip, :at, :expires)"
        ),
        {
            "id": number,
            "form": form.id,
            "address": address_id,
            "consent": consent_id,
            "key": key,
            "typed": email.value,
            "version": form.text.version,
            "locale": locale,
            "ip": visit.ip,
            "at": now,
            "expires": expires,
        },
    )
    return session.get_one(SignupRequest, number)


def _evidence(form: OpenForm, *, token: str, expires: datetime, visit: Visit) -> Asked:
    return Asked(
        text_version=form.text.version,
        text_sha256=form.text.sha256.hex(),
        text_locale=form.text.locale,
        form_version=form.code,
        form_url=visit.page_url,
        form_sha256=visit.page_sha256,
        control_state={"consent": "ticked by the person, unticked before"},
        topics=form.topics,
        ip=visit.ip,
        user_agent=visit.user_agent,
        referrer=visit.referrer,
        token_hash=fingerprint(token).hex(),
        token_expires_at=expires.isoformat(),
        source=f"form:{form.code}",
    )


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
        if visit.shown_at is not None:
            seen = LandingViewed(ip=visit.ip, user_agent=visit.user_agent)
            note_consent_step(session, consent_id=request.consent_id, at=visit.shown_at, evidence=seen)
        pressed = Confirmed(ip=visit.ip, user_agent=visit.user_agent, page_sha256=visit.page_sha256)
        confirm_consent(
            session, consent_id=request.consent_id, at=now, evidence=pressed, text_version=request.text_version
        )
        request.confirmed_at = now
        session.flush()
    answer = landing(session, token=token)
    if request.confirmed_at is not None:
        # The endpoint has it now; a second copy would survive the person's erasure.
        request.typed = None
        session.flush()
    return answer


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
    return None if row is None else (row.SignupRequest, row.SignupForm, row.Controller)
