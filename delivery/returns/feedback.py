"""Reading complaints that mailbox providers pass on (RFC 5965), and the older form that Outlook.com used."""

import re
from email.utils import getaddresses

from delivery.returns.codes import one_line
from delivery.returns.kinds import ReturnClass, Returned
from delivery.returns.parts import Parts

# RFC 5965 section 7.3, RFC 6591, RFC 6430; `opt-out` is older and still sent.
_KINDS = {
    "abuse": ReturnClass.COMPLAINT,
    "fraud": ReturnClass.COMPLAINT,
    "virus": ReturnClass.COMPLAINT,
    "other": ReturnClass.COMPLAINT,
    "opt-out": ReturnClass.COMPLAINT,
    "opt-out-list": ReturnClass.COMPLAINT,
    "miscategorized": ReturnClass.COMPLAINT,
    "not-spam": ReturnClass.UNKNOWN,
    "auth-failure": ReturnClass.POLICY,
    "dmarc": ReturnClass.POLICY,
}

_OLD_RECIPIENT = re.compile(r"^X-HmXmrOriginalRecipient:[ \t]*<?([^\s<>]{3,320})>?", re.MULTILINE | re.IGNORECASE)


def read_feedback(parts: Parts) -> list[Returned]:
    """One value for each recipient that a report names; one without where the provider blacked it out."""
    quoted = _quoted(parts)
    found = [one for report in parts.feedback for one in _reported(report, quoted)]
    return found or _old_form(parts)


def _reported(report: str, quoted: str) -> list[Returned]:
    named = _field(report, "Feedback-Type").lower()
    said = one_line(f"{named or 'abuse'} {_field(report, 'User-Agent')}")
    kind = named if named in _KINDS else "other"
    meant = _KINDS[kind]
    recipients = _fields(report, "Original-Rcpt-To") or _fields(report, "Removal-Recipient") or [quoted]
    return [
        Returned(
            kind=meant,
            recipient=one.rpartition(";")[2].strip(" <>") or None,
            reason=said,
            rule=f"feedback_{kind}",
        )
        for one in recipients[:100]
    ]


def _quoted(parts: Parts) -> str:
    """Whom the quoted mail was addressed to (RFC 5965 leaves it to providers to say so twice); empty when not one."""
    headers = [one.partition("\n\n")[0] for one in parts.originals]
    found = {address for _, address in getaddresses([to for one in headers for to in _fields(one, "To")])}
    return found.pop() if len(found) == 1 else ""


def _old_form(parts: Parts) -> list[Returned]:
    for original in parts.originals:
        named = _OLD_RECIPIENT.search(original)
        if named:
            return [Returned(ReturnClass.COMPLAINT, recipient=named.group(1), reason="abuse", rule="feedback_outlook")]
    return []


def _fields(report: str, name: str) -> list[str]:
    return [one.strip() for one in re.findall(rf"^{name}:[ \t]*(.+)$", report, re.MULTILINE | re.IGNORECASE)]


def _field(report: str, name: str) -> str:
    return next(iter(_fields(report, name)), "")
