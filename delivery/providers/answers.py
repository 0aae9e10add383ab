"""What an answer over HTTP means for a mail, where a provider does not say more exactly. Pure.

Only what is certainly not accepted may be tried again. A server that says 500 or 503 says that it took nothing; a
gateway that says 502 or 504 only says that it heard nothing from the server behind it, so the mail may be on its way.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from delivery.providers.protocol import Answer
from delivery.smtp import Accepted, Deferred, NotAttempted, Outcome, Phase, Refused, Unknown
from delivery.smtp.outcome import readable

# The account, not the mail: unpaid, signed out, forbidden, or nothing at this address.
AWAY = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407})
NOT_TAKEN = frozenset({408, 425, 429, 500, 503})
LONGEST_PAUSE = 3600.0


def judged(answer: Answer) -> Outcome:
    """The outcome by status alone."""
    status, said = answer.status, told(answer)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Accepted(Phase.DOT, status, said)
    if status in AWAY:
        return NotAttempted(Phase.AUTH, status, said)
    if status in NOT_TAKEN:
        return Deferred(Phase.DOT, status, said, seconds_asked(answer))
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refused(Phase.BODY, status, said)
    return Unknown(Phase.DOT, status, said)


def seconds_asked(answer: Answer) -> float:
    """Seconds that the provider asks to wait (RFC 9110, section 10.2.3); a date counts from its own clock."""
    asked = answer.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdecimal():
        return min(float(asked[:9]), LONGEST_PAUSE)
    until, now = _date(asked), _date(answer.headers.get("date", ""))
    if until is None or now is None:
        return 0.0
    return min(max((until - now).total_seconds(), 0.0), LONGEST_PAUSE)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def told(answer: Answer) -> str:
    """What the provider said, on one line; its JSON carries the sentence under different names."""
    said = answer.mapping
    for name in ("message", "Message", "ErrorMessage", "MessageId", "MessageID", "messageId", "id"):
        if isinstance(said.get(name), str | int):
            return readable(str(said[name]).encode())
    return readable(answer.body)


def refused(answer: Answer, said: object, *, recipient: bool) -> Refused:
    """A definite no: about the recipient, or about the mail."""
    return Refused(Phase.RCPT if recipient else Phase.BODY, answer.status, readable(str(said).encode()))


def away(answer: Answer, said: object) -> NotAttempted:
    """The account may not send just now; no mail is to blame."""
    return NotAttempted(Phase.AUTH, answer.status, readable(str(said).encode()))
