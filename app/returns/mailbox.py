"""Looks into a mailbox (IMAP) for mail that came back: takes in what is unseen and marks it as seen afterwards.

Nothing is deleted: how long mail stays there is a setting of the mailbox. A mail that was taken in but not marked, as
when the connection broke, is taken in again and changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from imaplib import IMAP4
from urllib.parse import unquote, urlsplit

import structlog
from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted, MailMessageFlags
from imap_tools.errors import ImapToolsError

from app.returns.dispatch import take
from core.errors import CrusoeError, NotReachable, WrongInput
from core.sentences import say
from delivery.models import Way

log = structlog.get_logger()

TIMEOUT = 30
AT_ONCE = 100
# One byte more than is read of any mail, so that what is larger is known to be.
MOST_BYTES = 5 * 1024 * 1024 + 1

KINDS = {"imaps": (MailBox, 993), "imap+starttls": (MailBoxStartTls, 143), "imap": (MailBoxUnencrypted, 143)}


def look(url: str) -> int:
    """Take in what is unseen, at most a portion; answers how many mails that were."""
    with _opened(url) as box:
        found = 0
        for uid in box.uids("UNSEEN")[:AT_ONCE]:
            raw = _fetched(box, uid)
            if raw is not None and not _taken(raw, uid):
                continue
            found += raw is not None
            box.flag([uid], {MailMessageFlags.SEEN}, value=True)
        return found


def _taken(raw: bytes, uid: str) -> bool:
    """Whether it was taken in. One that cannot be stays unseen, is tried again, and holds no other up."""
    try:
        take(raw, way=Way.MAILBOX)
    except CrusoeError:
        raise
    except Exception:
        log.exception("mail_not_taken", uid=uid)
        return False
    return True


def _fetched(box: BaseMailBox, uid: str) -> bytes | None:
    """The bytes of a mail as they are, up to what is read of any; nothing is parsed here."""
    _, answer = box.client.uid("fetch", uid, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
    return next((part[1] for part in answer if isinstance(part, tuple) and isinstance(part[1], bytes)), None)


@contextmanager
def _opened(url: str) -> Iterator[BaseMailBox]:
    parts = urlsplit(url)
    if parts.scheme not in KINDS or not parts.hostname or not parts.username:
        raise WrongInput(
            "returns_mailbox",
            say("A mailbox is written like imaps://user:password@host/folder."),
            where="CRUSOE_RETURNS_MAILBOX",
        )
    kind, usual = KINDS[parts.scheme]
    try:
        box = kind(parts.hostname, parts.port or usual, timeout=TIMEOUT)
        with box.login(
            unquote(parts.username), unquote(parts.password or ""), unquote(parts.path.strip("/")) or "INBOX"
        ) as opened:
            yield opened
    except (OSError, IMAP4.error, ImapToolsError) as error:
        raise NotReachable(
            "mailbox_unreachable",
            say("The mailbox at %(host)s cannot be read.", host=parts.hostname),
            say("Check CRUSOE_RETURNS_MAILBOX: address, user, password and folder."),
        ) from error
