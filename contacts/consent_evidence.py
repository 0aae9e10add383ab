"""What shows each step of a consent: the fields that courts and authorities ask for."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from contacts.consent_models import ConsentStep

# What says who it was. It stands in a proof of its own, so that who never confirmed can be forgotten.
PERSONAL = frozenset({"typed", "normalised", "ip", "user_agent", "referrer"})
SALT_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What shows that a person asked: the words, the page, and where the request came from.

    `typed` is the address as it was typed, `normalised` what it is understood as. `form_sha256` is the digest of the
    page as it was shown, `control_state` what was ticked and typed besides the address, `token_hash` the SHA-256 of the
    token in the mail, hexadecimal.
    """

    text_version: str
    text_sha256: str | None = None
    text_locale: str | None = None
    typed: str | None = None
    normalised: str | None = None
    privacy_notice_version: str | None = None
    privacy_notice_sha256: str | None = None
    form_version: str | None = None
    form_url: str | None = None
    form_sha256: str | None = None
    control_state: dict[str, Any] | None = None
    frequency_stated: str | None = None
    topics: tuple[str, ...] = ()
    ip: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    captcha: str | None = None
    token_hash: str | None = None
    token_expires_at: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class MailSent:
    """What shows that the mail with the link was handed over: which mail, to which server, and its answer.

    `mail_sha256` is over the exact bytes, which are kept as a proof of this digest; `template_sha256` over the wording.
    """

    message_id: int | None = None
    message_header_id: str | None = None
    template_version: str | None = None
    template_sha256: str | None = None
    mail_sha256: str | None = None
    handed_over_at: str | None = None
    smtp_response: str | None = None
    mx_host: str | None = None
    queue_id: str | None = None
    resend_count: int = 0


@dataclass(frozen=True, kw_only=True)
class LandingViewed:
    """The page behind the link was opened. That alone confirms nothing: scanners open links too."""

    ip: str | None = None
    user_agent: str | None = None
    scanner_suspect: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What shows that the person pressed the button: `method` is POST, because GET never changes state.

    `scanner_suspect` says that a machine may have pressed it, `scanner_reason` why; people look at such a consent.
    `renews` says when the consent was confirmed before, where somebody was asked to stay: by the message `message_id`
    with the content `content_sha256`, under the words of `text_sha256`.
    """

    ip: str | None = None
    user_agent: str | None = None
    method: str = "POST"
    page_version: str | None = None
    page_sha256: str | None = None
    page_locale: str | None = None
    seconds_since_mail: float | None = None
    scanner_suspect: bool | None = None
    scanner_reason: str | None = None
    renews: str | None = None
    message_id: int | None = None
    content_sha256: str | None = None
    text_sha256: str | None = None
    text_locale: str | None = None
    privacy_notice_version: str | None = None
    page_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class GivenOffline:
    """A consent that somebody gave on paper (`basis` written) or in a call (recorded), and a colleague put on record.

    `place` and `taken_by` say where and to whom it was given, `recorded_by` who entered it. The scan of the paper is
    kept as the proof `scan_sha256`; `evidence_ref` names that scan or the recording of the call.
    """

    basis: str
    text_version: str
    text_sha256: str
    text_locale: str
    typed: str
    normalised: str
    given_at: str
    place: str
    taken_by: str
    recorded_by: str
    evidence_ref: str
    scan_sha256: str | None = None
    scan_type: str | None = None
    scan_bytes: int | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """How the consent was taken back: by link, page, phone, letter; and what proves it.

    `evidence_ref` names that proof, such as `message:17` for the mail whose link was used, or a letter's file number.
    """

    through: str
    ip: str | None = None
    user_agent: str | None = None
    message_id: int | None = None
    evidence_ref: str | None = None
    note: str | None = None


Evidence = Asked | MailSent | LandingViewed | Confirmed | GivenOffline | Withdrawn

STEPS: dict[type, ConsentStep] = {
    Asked: ConsentStep.REQUESTED,
    MailSent: ConsentStep.MAIL_SENT,
    LandingViewed: ConsentStep.LANDING_VIEWED,
    Confirmed: ConsentStep.CONFIRMED,
    GivenOffline: ConsentStep.CONFIRMED,
    Withdrawn: ConsentStep.WITHDRAWN,
}


@dataclass(frozen=True)
class Keeping:
    """What the personal part of a step belongs to, and until when it is kept unless that is confirmed."""

    subject: str
    until: datetime | None = None


def facts(evidence: Evidence) -> dict[str, Any]:
    """The part that says what happened, and not to whom."""
    return {name: value for name, value in _given(evidence).items() if name not in PERSONAL}


def particulars(evidence: Evidence) -> bytes | None:
    """The part that says who it was, in one spelling; None when there is none.

    Salted: its digest stays for good, and nobody shall find the address behind it by trying.
    """
    personal = {name: value for name, value in _given(evidence).items() if name in PERSONAL}
    if not personal:
        return None
    return json.dumps(personal | {"salt": secrets.token_hex(SALT_BYTES)}, sort_keys=True).encode()


def read_particulars(content: bytes) -> dict[str, Any]:
    """What `particulars` wrote, without the salt."""
    values: dict[str, Any] = json.loads(content)
    values.pop("salt")
    return values


def _given(evidence: Evidence) -> dict[str, Any]:
    return {name: value for name, value in asdict(evidence).items() if value not in (None, ())}
