"""Stopping the mail: from the button that mail programs show (RFC 8058), and from our own page.

The order is the promise: lock the address and store the objection, commit; wait until no mail to this address is on its
way any more; then note it, and only then answer. So no mail begins after the answer.
"""

import time
from dataclasses import dataclass

import structlog

from core.together import Together
from delivery import wait_until_quiet
from preferences.objecting import Fate, Objection, Scope, Stored, heard, note, noted, store
from preferences.visits import Visit
from tracking import MessageToken, Purpose, read_message_token

log = structlog.get_logger()

__all__ = ["Scope", "Stopped", "stop", "stop_by_mail", "stop_by_provider"]

# Whoever holds the lock of an address is asked again so often, for so long; then the question waits in the database.
PAUSE, PATIENCE = 0.03, 1.0

_store: Together[Objection, Stored] = Together(store)
_note: Together[Objection, None] = Together(note)


@dataclass(frozen=True)
class Stopped:
    """Whose mail stopped. `on_its_way`: a mail was being handed over all the time, so this one may still arrive."""

    token: MessageToken
    on_its_way: bool


def stop(*, purpose: Purpose, token: str, scope: Scope, through: str, visit: Visit) -> Stopped | None:
    """Store an objection, wait until it holds, and answer who it was for; None when the token is not ours.

    None as well when nobody knows the address any more, as of people who came after a backup that was restored: saying
    that it worked would be a lie, because they may come back with the next import.

    Opens its own transactions, because none may be open while it waits. `through` says by which way: `one_click`,
    `page`, `preferences`, `mailto` or `provider`. Doing it again stores no second entry.
    """
    read = read_message_token(purpose, token)
    if read is None:
        return None
    stored = _stored(heard(read, scope=scope, through=through, visit=visit))
    if stored.fate is Fate.UNKNOWN:
        log.warning("objection_of_unknown_address", address=read.address_id, through=through)
        return None
    quiet = stored.is_quiet or wait_until_quiet(read.address_id)
    if not quiet:
        log.warning("mail_on_its_way", message=read.message_id, through=through)
    if stored.fate is Fate.NEW:
        _note(noted(stored.objection))
    return Stopped(read, on_its_way=not quiet)


def _stored(objection: Objection) -> Stored:
    until = time.monotonic() + PATIENCE
    stored = _store(objection)
    while stored.fate is Fate.LOCKED and time.monotonic() < until:
        time.sleep(PAUSE)
        stored = _store(objection)
    return store([objection], waiting=True)[0] if stored.fate is Fate.LOCKED else stored


def stop_by_mail(*, token: str) -> bool:
    """Somebody wrote to the address that the mail program was given to unsubscribe (RFC 2369): one click by mail.

    Answers whether the token is ours. Who wrote is not asked: whoever has the token could click as well.
    """
    nowhere = Visit(ip=None, user_agent=None)
    return stop(purpose=Purpose.UNSUBSCRIBE, token=token, scope=Scope.LIST, through="mailto", visit=nowhere) is not None


def stop_by_provider(*, token: str) -> bool:
    """Somebody unsubscribed where a provider that carries our mail offers it, and the provider told us so.

    Answers whether the token is ours; it was made for the message that the provider named.
    """
    nowhere = Visit(ip=None, user_agent=None)
    found = stop(purpose=Purpose.UNSUBSCRIBE, token=token, scope=Scope.LIST, through="provider", visit=nowhere)
    return found is not None
