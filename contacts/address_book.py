"""The rows that stand for addresses. An address row is made once and never deleted."""

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.addresses import EmailAddress, email_address
from contacts.models import Address
from contacts.phones import PhoneNumber, e164, phone_key
from core.errors import WrongInput
from core.keys import address_key, keys


def domain_key(domain: str) -> bytes:
    """What stands for a whole domain: the keyed hash of `@domain`."""
    return address_key(f"@{domain}")


def ensure_addresses(session: Session, emails: Iterable[EmailAddress | PhoneNumber]) -> dict[str, int]:
    """The ids of these addresses by their `key`; those never seen before get a row."""
    wanted = {email.key: _hashes(email) for email in emails}
    if not wanted:
        return {}
    found = _ids(session, wanted)
    # In order of the hash, so that two transactions that add the same addresses queue instead of blocking each other.
    missing = sorted(pair for key, pair in wanted.items() if key not in found)
    if missing:
        session.execute(
            insert(Address).on_conflict_do_nothing(index_elements=["key"]),
            [{"key": key, "domain_key": domain, "key_id": keys().key_id} for key, domain in missing],
        )
        found = _ids(session, wanted)
    return found


def _hashes(one: EmailAddress | PhoneNumber) -> tuple[bytes, bytes]:
    """What stands for an address and for its domain; a telephone number stands for itself alone."""
    key = address_key(one.key)
    return key, domain_key(one.domain) if one.domain else key


def _ids(session: Session, wanted: dict[str, tuple[bytes, bytes]]) -> dict[str, int]:
    rows = session.execute(
        text("SELECT key, id FROM address WHERE key = ANY(:hashes)"), {"hashes": [pair[0] for pair in wanted.values()]}
    )
    ids = {bytes(row.key): row.id for row in rows}
    return {key: ids[pair[0]] for key, pair in wanted.items() if pair[0] in ids}


def find_address(session: Session, typed: str) -> int | None:
    """The id of the address that `typed` means, or None when it was never seen or is no address."""
    try:
        email = email_address(typed)
    except WrongInput:
        return None
    return session.scalar(select(Address.id).where(Address.key == address_key(email.key)))


def find_phone(session: Session, typed: str) -> int | None:
    """The id of a telephone number written with its country code, or None when it was never seen or is none."""
    number = e164(typed, None)
    if number is None:
        return None
    return session.scalar(select(Address.id).where(Address.key == address_key(phone_key(number))))


def note_endpoints_change(session: Session) -> None:
    """Say that this transaction writes endpoints. Call it before the first one is written.

    Whoever matches lists takes the same lock for itself alone, and so knows that every endpoint up to the highest id
    that it sees is there.
    """
    session.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('endpoints'))"))
