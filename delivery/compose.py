"""From what a mail says to the bytes that leave: a fixed set of headers, two parts, and a signature.

Headers are written from a list and from nothing else, and the finished bytes are read again: if they hold any header
that is not on the list, the mail does not leave. Sources: RFC 5322, RFC 2045-2047, RFC 8058, RFC 6376.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from contacts import email_address
from core.errors import CrusoeError
from core.sentences import say
from delivery import quoted
from delivery.dkim import Signer, Unsigned, sign_all
from delivery.return_path import mail_id, return_path
from delivery.smtp import Mail, is_mailbox
from templates import Quoted

# Quoted-printable never holds `=_`, so this line cannot occur inside a part.
BOUNDARY = "=_alternative"

_PART = (
    "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_TEXT_PART = _PART.format(boundary=BOUNDARY, kind="plain").encode()
_HTML_PART = b"\r\n" + _PART.format(boundary=BOUNDARY, kind="html").encode()
_END = f"\r\n--{BOUNDARY}--\r\n".encode()


class HeaderInjected(CrusoeError):
    """A finished mail holds a header that we did not write. A bug, or an attack that found one; it is not sent."""


@dataclass(frozen=True)
class From:
    """Who the mail comes from, as it stands in its headers."""

    name: str
    address: str
    return_domain: str
    reply_to: str | None = None
    signers: tuple[Signer, ...] = ()


class Letter(NamedTuple):
    """One mail before it is put into bytes. `unsubscribe_url` is absent where there is nothing to unsubscribe from."""

    message_id: int
    recipient: str
    content: Quoted
    unsubscribe_url: str | None
    feedback_id: str
    unsubscribe_mailbox: str | None = None


class Draft(NamedTuple):
    """A mail that is not signed yet, nor read again."""

    message_id: int
    sender: str
    recipient: str
    headers: Sequence[tuple[str, str]]
    body: Sequence[bytes]
    unsigned: Sequence[Unsigned]


def compose(letter: Letter, *, sender: From, at: datetime) -> Mail:
    """The envelope and the bytes of one mail. Raises HeaderInjected as `seal` does."""
    made = draft(letter, sender=sender, at=at)
    return seal(made, signatures=sign_all(made.unsigned))


def draft(letter: Letter, *, sender: From, at: datetime) -> Draft:
    """The mail up to its signatures; those of many are made together, by `sign_all`."""
    recipient = deliverable(letter.recipient)
    headers = _headers(letter, sender=sender, recipient=recipient, at=at)
    # Quoted-printable of our making is canonical: signing changes nothing of it, and no line of it needs a second dot.
    body = (_TEXT_PART, letter.content.text, _HTML_PART, letter.content.html, _END)
    return Draft(
        message_id=letter.message_id,
        sender=return_path(message_id=letter.message_id, domain=sender.return_domain),
        recipient=recipient,
        headers=headers,
        body=body,
        unsigned=_unsigned(sender.signers, headers, body) if sender.signers else (),
    )


def seal(made: Draft, *, signatures: Sequence[str]) -> Mail:
    """The finished mail. Raises HeaderInjected when it has any header that is not in the fixed set."""
    raw = "".join([*signatures, *[f"{name}: {value}\r\n" for name, value in made.headers]]).encode()
    if _many_headers(raw) != len(signatures) + len(made.headers):
        raise HeaderInjected(
            "header_injected", say("Message %(number)s has headers that nobody wrote.", number=made.message_id)
        )
    return Mail(
        sender=made.sender,
        recipient=made.recipient,
        parts=(b"".join((raw, b"\r\n", *made.body[:3])), *made.body[3:]),
        canonical=True,
    )


def _unsigned(signers: Iterable[Signer], headers: Sequence[tuple[str, str]], body: Iterable[bytes]) -> list[Unsigned]:
    digest = sha256()
    for part in body:
        digest.update(part)
    return [signer.prepare(headers, digest.digest()) for signer in signers]


def _many_headers(raw: bytes) -> int:
    """How many headers these bytes have: lines that do not go on with the one before, wherever a line may end."""
    lines = raw.splitlines(keepends=True)
    if not len(lines) == raw.count(b"\n") == raw.count(b"\r"):
        return len(header_names(raw))
    return len([line for line in lines if line[0] not in b" \t"])


def deliverable(address: str) -> str:
    """The address as servers understand it: the domain as A-label, the local part as its owner wrote it.

    Nearly every address is plain ASCII and was judged when it was stored; only others need to be looked at again.
    """
    if address.isascii() and is_mailbox(address):
        local, _, domain = address.rpartition("@")
        return f"{local}@{domain.lower()}"
    known = email_address(address)
    return f"{known.value.rpartition('@')[0]}@{known.domain}"


def _headers(letter: Letter, *, sender: From, recipient: str, at: datetime) -> list[tuple[str, str]]:
    address = _own(sender.address)
    name = quoted.phrase(sender.name)
    headers = [
        ("From", f"{name} <{address}>" if name else address),
        ("To", recipient),
        ("Subject", quoted.unstructured(letter.content.subject)),
        ("Date", _date(at)),
        ("Message-ID", mail_id(message_id=letter.message_id, domain=address.rpartition("@")[2])),
    ]
    if sender.reply_to:
        headers.append(("Reply-To", _own(sender.reply_to)))
    if letter.unsubscribe_url:
        # Both are needed for one click, and both must be signed (RFC 8058 section 4).
        headers.append(("List-Unsubscribe", _ways_out(letter.unsubscribe_url, letter.unsubscribe_mailbox)))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return [
        *headers,
        ("Feedback-ID", _feedback_id(letter.feedback_id)),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{BOUNDARY}"'),
    ]


# What all mails of a sender have in common is made once.
_own = lru_cache(maxsize=64)(deliverable)


@lru_cache(maxsize=64)
def _feedback_id(text: str) -> str:
    return quoted.one_line(text, longest=200)


def _ways_out(url: str, mailbox: str | None) -> str:
    """The address for one click, and after it the one for programs that only write mail (RFC 2369, section 3.2)."""
    first = f"<{quoted.one_line(url, longest=700)}>"
    return f"{first}, <mailto:{quoted.one_line(mailbox, longest=200)}?subject=unsubscribe>" if mailbox else first


@lru_cache(maxsize=16)
def _date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))


def header_names(head: bytes) -> Sequence[str]:
    """The names of the headers in these bytes, as a reader that knows nothing about us sees them."""
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line.partition(":")[0] for line in lines if line and line[0] not in " \t"]
