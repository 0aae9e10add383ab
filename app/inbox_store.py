"""The mails that the inbox of this home took: files, newest first, never run and never trusted.

What comes in is a folder of `.eml` files named by the time of their arrival; what goes out are their headers, texts and
the names of their attachments. HTML is handed out as it came: whoever shows it puts it into a sandboxed frame.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from itertools import islice
from pathlib import Path

from core.errors import NotFound
from core.sentences import say
from core.settings import settings

PAGE = 50
# The headers of one mail; more than this is nobody's mail.
HEADER_BYTES = 64 * 1024

_ID = re.compile(r"\d{20}-\d{6}")


@dataclass(frozen=True)
class Entry:
    """One line of the list."""

    id: str
    received_at: datetime
    sender: str
    recipients: str
    subject: str
    bytes: int


@dataclass(frozen=True)
class Page:
    """Some entries, newest first; `older` is the id to go on from, None at the end."""

    entries: tuple[Entry, ...]
    older: str | None
    total: int


@dataclass(frozen=True)
class Attachment:
    """A part that is no text of the mail; only described."""

    name: str
    kind: str
    bytes: int


@dataclass(frozen=True)
class Mail:
    """One mail, taken apart. `headers` keeps order and repetitions."""

    entry: Entry
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]

    def header(self, name: str) -> str | None:
        """The first header with this name."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)


def folder() -> Path:
    """Where the mails of this home lie."""
    return settings().home / "inbox"


def newest(*, before: str | None = None, limit: int = PAGE, recipient: str | None = None) -> Page:
    """A page of the list, newest first; `before` is the `older` of the page above, `recipient` a part of an address."""
    ids = _ids()
    wanted = (name for name in reversed(ids) if before is None or name < before)
    entries = (entry for name in wanted if (entry := _entry(name)) is not None)
    if recipient:
        entries = (entry for entry in entries if recipient.lower() in entry.recipients.lower())
    found = tuple(islice(entries, limit + 1))
    older = found[limit - 1].id if len(found) > limit else None
    return Page(entries=found[:limit], older=older, total=len(ids))


def every() -> Iterator[Mail]:
    """All mails, oldest first."""
    for name in _ids():
        yield read(name)


def read(mail_id: str) -> Mail:
    """One mail; raises NotFound when it is not (or no longer) there."""
    message: EmailMessage = BytesParser(policy=policy.default).parsebytes(raw(mail_id))
    entry = _entry(mail_id)
    if entry is None:
        raise _missing(mail_id)
    return Mail(
        entry=entry,
        headers=tuple((name, str(value)) for name, value in message.items()),
        text=_text(message, "plain"),
        html=_text(message, "html"),
        attachments=tuple(_attachment(part) for part in message.iter_attachments()),
    )


def raw(mail_id: str) -> bytes:
    """One mail as it came, envelope lines on top."""
    try:
        return _path(mail_id).read_bytes()
    except FileNotFoundError as error:
        raise _missing(mail_id) from error


def _ids() -> list[str]:
    if not folder().is_dir():
        return []
    return sorted(path.stem for path in folder().iterdir() if _ID.fullmatch(path.stem) and path.suffix == ".eml")


def _path(mail_id: str) -> Path:
    # The id comes from an address line of a browser: it must not lead out of the folder.
    if not _ID.fullmatch(mail_id):
        raise _missing(mail_id)
    return folder() / f"{mail_id}.eml"


def _entry(mail_id: str) -> Entry | None:
    try:
        with _path(mail_id).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            head = BytesHeaderParser(policy=policy.default).parsebytes(
                file.read(HEADER_BYTES).partition(b"\r\n\r\n")[0]
            )
    except FileNotFoundError:
        # Dropped between listing and reading, because the inbox is full.
        return None
    return Entry(
        id=mail_id,
        received_at=datetime.fromtimestamp(int(mail_id[:20]) / 1e9, UTC),
        sender=str(head.get("From", head.get("Return-Path", ""))),
        recipients=", ".join(head.get_all("Delivered-To", [])),
        subject=str(head.get("Subject", "")),
        bytes=size,
    )


def _text(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    try:
        return bytes(payload).decode(charset, "replace")
    except LookupError:
        # A character set that nobody knows: better a few wrong letters than no mail.
        return bytes(payload).decode("utf-8", "replace")


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    size = len(content) if isinstance(content, bytes) else 0
    return Attachment(name=part.get_filename() or "", kind=part.get_content_type(), bytes=size)


def _missing(mail_id: str) -> NotFound:
    return NotFound(
        "mail_unknown",
        say("There is no mail %(mail_id)s in the inbox.", mail_id=repr(mail_id[:40])),
        say("It may have been dropped."),
    )
