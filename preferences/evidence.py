"""What each step of a sign-up leaves as proof, put together from the form, the mail and the visit."""

import re
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts import Asked, Confirmed, EmailAddress, Keeping, MailSent
from core.keys import fingerprint
from delivery import copies, mail_id
from delivery.models import Message, Run, Sender
from preferences.forms import OpenForm
from preferences.limits import FORGOTTEN_AFTER
from preferences.models import SignupRequest
from preferences.notices import CONFIRMATION_VERSION
from preferences.visits import Visit
from tracking import EventKind, Hit, Verdict, judge_alone

# How servers name a mail in their answer to it. Tried in this order; each has the name as its only group.
_QUEUE_IDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"queued as ([\w.-]+)",  # Postfix, and many that speak like it
        r"\bid=([\w.-]+)",  # Exim
        r"InternalId=(\d+)",  # Exchange
        r"^(?:2\.\d\.\d )?OK +(?:\d{10} +)?([\w.-]{12,})",  # Google, Amazon
        r"^(?:2\.\d\.\d )?([\w.-]{8,}) Message accepted",  # Sendmail
    )
)


# More than any address has; what is typed around it is no part of it.
LONGEST_ADDRESS = 500


def queue_id(answer: str) -> str | None:
    """The name that a server gave to a mail, from its answer to the final dot; None when it named none.

    >>> queue_id("2.0.0 Ok: queued as 4bXyZ12")
    '4bXyZ12'
    """
    return next((found.group(1) for pattern in _QUEUE_IDS if (found := pattern.search(answer))), None)


def request_subject(request_id: int) -> str:
    """What the personal part of a request's evidence is kept under."""
    return f"sign-up:{request_id}"


def keeping(request_id: int, *, requested_at: datetime) -> Keeping:
    """Who asked is known for fourteen days, and for good when the person confirms."""
    return Keeping(subject=request_subject(request_id), until=requested_at + FORGOTTEN_AFTER)


def asked(form: OpenForm, *, typed: str, email: EmailAddress, token: str, expires: datetime, visit: Visit) -> Asked:
    """The first step: the words, the page as it was shown, what the person did there, and where from."""
    return Asked(
        text_version=form.text.version,
        text_sha256=form.text.sha256.hex(),
        text_locale=form.text.locale,
        typed=typed[:LONGEST_ADDRESS],
        normalised=email.key,
        privacy_notice_version=form.privacy.version if form.privacy else form.controller.privacy_url,
        privacy_notice_sha256=form.privacy.sha256.hex() if form.privacy else None,
        form_version=visit.page.version if visit.page else form.code,
        form_url=visit.page_url,
        form_sha256=visit.page.sha256 if visit.page else None,
        control_state={
            "consent": {"at_first": "not ticked", "sent": "ticked"},
            "email": {"at_first": "empty", "sent": "typed"},
            "button": "pressed",
        },
        frequency_stated=form.frequency,
        topics=form.topics,
        ip=visit.ip,
        user_agent=visit.user_agent,
        referrer=visit.referrer,
        captcha="none",
        token_hash=fingerprint(token).hex(),
        token_expires_at=expires.isoformat(timespec="milliseconds"),
        source=f"form:{form.code}",
    )


def mail_sent(session: Session, request: SignupRequest, message: Message) -> MailSent:
    """The mail with the link: its exact bytes by digest, the server that took it, and what that server said."""
    run, sender = session.execute(
        select(Run, Sender).join(Sender, Sender.id == Run.sender_id).where(Run.id == message.run_id)
    ).one()
    kept = copies(session, message.id)
    answer = message.reply_text or ""
    handed_over = message.handed_over_at
    return MailSent(
        message_id=message.id,
        message_header_id=mail_id(message_id=message.id, domain=sender.from_address.rpartition("@")[2].lower()),
        template_version=CONFIRMATION_VERSION,
        template_sha256=run.content_sha256.hex(),
        mail_sha256=kept[-1].sha256 if kept else None,
        handed_over_at=handed_over.isoformat(timespec="milliseconds") if handed_over else None,
        smtp_response=f"{message.reply_code or ''} {answer}".strip() or None,
        mx_host=kept[-1].about.get("relay") if kept else None,
        queue_id=queue_id(answer),
        resend_count=_earlier_mails(session, request),
    )


def _earlier_mails(session: Session, request: SignupRequest) -> int:
    """How many mails asked for the same consent before this one."""
    return (
        session.scalar(
            select(func.count()).where(
                SignupRequest.consent_id == request.consent_id,
                SignupRequest.id < request.id,
                SignupRequest.message_id.is_not(None),
            )
        )
        or 0
    )


def confirmed(visit: Visit, *, at: datetime, mailed_at: datetime | None) -> Confirmed:
    """The second step, and whether it looks as if a machine had pressed the button."""
    hit = Hit(kind=EventKind.CLICK, at=at, method="POST", user_agent=visit.user_agent or "", sent_at=mailed_at)
    judged = judge_alone(hit)
    suspect = judged.verdict is Verdict.MACHINE
    return Confirmed(
        ip=visit.ip,
        user_agent=visit.user_agent,
        page_version=visit.page.version if visit.page else None,
        page_sha256=visit.page.sha256 if visit.page else None,
        page_locale=visit.page.locale if visit.page else None,
        seconds_since_mail=round((at - mailed_at).total_seconds(), 3) if mailed_at else None,
        scanner_suspect=suspect,
        scanner_reason=judged.reason if suspect else None,
    )
