"""Re-permission: somebody whose consent grows old is asked in a mail whether to stay, and answers with a button.

The mail goes out under the consent that still holds; looking at the page changes nothing; pressing the button confirms
the same consent anew, with all its evidence, and the clock of an unused consent starts again. Who says nothing is not
written to any more when the consent has become stale. A refusal is not undone here: who left comes back by a sign-up.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import LandingViewed, confirm_consent, note_consent_step, privacy_notice
from contacts.consent_models import Consent, ConsentText
from contacts.models import Channel
from core import clock
from delivery.models import Run
from preferences import evidence
from preferences.forms import words
from preferences.models import SignupForm
from preferences.recipient import Recipient, message_date, recipient
from preferences.visits import Visit
from suppression import Cause, entries
from tracking import Purpose

# A mail of long ago must not bring a consent back to life.
LIFETIME = timedelta(days=90)


class Answerable(StrEnum):
    """What the link in the mail is still good for."""

    OPEN = "open"
    DONE = "done"
    OLD = "old"
    # Nothing holds that could be kept: it was taken back, objected to, or never given to this sender.
    OVER = "over"


@dataclass(frozen=True)
class Offer:
    """What the page asks: whose consent, to what, in which words, and whether it can still be answered."""

    who: Recipient
    state: Answerable
    consent_id: int | None = None
    confirmed_at: datetime | None = None
    text: ConsentText | None = None
    privacy_version: str | None = None
    frequency: str | None = None
    topics: tuple[str, ...] = ()


def offer(session: Session, *, token: str, locale: str | None = None, lock: bool = False) -> Offer | None:
    """What the link leads to, or None when it is not ours. Changes nothing: scanners open links too."""
    who = recipient(session, purpose=Purpose.RENEW, token=token)
    if who is None:
        return None
    consent = _consent(session, who, lock=lock)
    if consent is None or consent.confirmed_at is None or _refused(session, who, consent):
        return Offer(who, Answerable.OVER)
    form = _form(session, who)
    text = _words(session, consent, form, locale=locale or who.locale or "en")
    return Offer(
        who=who,
        state=_state(who, consent, text),
        consent_id=consent.id,
        confirmed_at=consent.confirmed_at,
        text=text,
        privacy_version=form.privacy_version if form else None,
        frequency=form.frequency if form else None,
        topics=tuple(form.topics) if form else (),
    )


def renew(session: Session, *, token: str, visit: Visit, locale: str) -> Offer | None:
    """The button: the consent is confirmed anew. Doing it again changes nothing and says the same."""
    found = offer(session, token=token, locale=locale, lock=True)
    if found is None or found.state is not Answerable.OPEN or found.consent_id is None or found.text is None:
        return found
    now, message = clock.now(), found.who.token.message_id
    if visit.shown_at is not None:
        seen = LandingViewed(ip=visit.ip, user_agent=visit.user_agent)
        note_consent_step(session, consent_id=found.consent_id, at=visit.shown_at, evidence=seen)
    mailed_at = message_date(session, message) or _sent(found.who)
    content = session.scalar(select(Run.content_sha256).where(Run.id == found.who.token.run_id))
    notice = found.privacy_version and privacy_notice(session, version=found.privacy_version, locale=locale)
    pressed = replace(
        evidence.confirmed(visit, at=now, mailed_at=mailed_at),
        renews=found.confirmed_at.isoformat(timespec="milliseconds") if found.confirmed_at else None,
        message_id=message,
        content_sha256=content.hex() if content else None,
        text_sha256=found.text.sha256.hex(),
        text_locale=found.text.locale,
        privacy_notice_version=notice.version if notice else None,
        page_url=visit.page_url,
    )
    confirm_consent(
        session,
        consent_id=found.consent_id,
        at=now,
        evidence=pressed,
        text_version=found.text.version,
        basis=None,
    )
    return replace(found, state=Answerable.DONE, confirmed_at=now)


def _consent(session: Session, who: Recipient, *, lock: bool) -> Consent | None:
    if who.controller is None:
        return None
    asked = select(Consent).where(
        Consent.address_id == who.address_id,
        Consent.controller_id == who.controller.id,
        Consent.channel == Channel.EMAIL,
        Consent.purpose == who.purpose,
    )
    return session.scalar(asked.with_for_update() if lock else asked)


def _refused(session: Session, who: Recipient, consent: Consent) -> bool:
    """Whether the person said no since: taken back, objected to, or complained about."""
    if consent.withdrawn_at is not None:
        return True
    return any(
        entry.cause in {Cause.OPTED_OUT, Cause.COMPLAINT}
        and entry.lifted_at is None
        and (consent.confirmed_at is None or entry.at >= consent.confirmed_at)
        and entry.channel in {None, Channel.EMAIL.value}
        and entry.purpose in {None, consent.purpose}
        and entry.controller_id in {None, consent.controller_id}
        for entry in entries(session, address_id=who.address_id)
    )


def _state(who: Recipient, consent: Consent, text: ConsentText | None) -> Answerable:
    sent = _sent(who)
    if consent.confirmed_at is not None and consent.confirmed_at >= sent:
        return Answerable.DONE
    if text is None:
        # Nobody can agree to words that are not there.
        return Answerable.OVER
    return Answerable.OLD if clock.now() - sent > LIFETIME else Answerable.OPEN


def _sent(who: Recipient) -> datetime:
    return datetime.fromtimestamp(who.token.sent_at, UTC)


def _form(session: Session, who: Recipient) -> SignupForm | None:
    """The open form for the same purpose and sender: what new people agree to."""
    if who.controller is None:
        return None
    return session.scalar(
        select(SignupForm)
        .where(
            SignupForm.controller_id == who.controller.id,
            SignupForm.purpose == who.purpose,
            SignupForm.closed_at.is_(None),
        )
        .order_by(SignupForm.id.desc())
        .limit(1)
    )


def _words(session: Session, consent: Consent, form: SignupForm | None, *, locale: str) -> ConsentText | None:
    """The words that the person agreed to; where they are not stored, those of the form."""
    for version in (consent.text_version, form.text_version if form else None):
        found = words(session, version=version, locale=locale) if version else None
        if found is not None:
            return found
    return None
