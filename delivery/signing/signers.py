"""The signers of a domain, opened once in a process and kept until its keys change."""

from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import NotAllowed
from core.sealing import unseal
from core.sentences import say
from delivery.dkim import Signer, signer
from delivery.signing.keys import seal_name
from delivery.signing.models import SigningKey
from delivery.signing.states import signing

# Domains of one installation, twice: while one key follows another, both are in use.
MOST_KEPT = 256

# Domain, selector and public half: another key under the same name is another version.
Version = tuple[str, str, str]

_kept: dict[Version, Signer] = {}


def signers_of(session: Session, *, domain: str, selector: str | None) -> tuple[Signer, ...]:
    """Who signs the mails of this domain, RSA first; nobody when it has no key.

    `selector` names a key file of the sender. It counts until the domain has a key in the table. Raises NotAllowed
    when a key cannot be used.
    """
    # A query of a few columns for each batch: keys change while a campaign runs, and the private half is opened once.
    found = session.execute(
        select(
            SigningKey.id,
            SigningKey.algorithm,
            SigningKey.active_from,
            SigningKey.retired_at,
            SigningKey.selector,
            SigningKey.public_value,
        ).where(SigningKey.domain == domain, SigningKey.active_from.is_not(None), SigningKey.retired_at.is_(None))
    )
    chosen = {(domain, row.selector, row.public_value): row.id for row in signing(found.all())}
    if chosen:
        _forget_others(domain, chosen)
        return tuple(_signer(session, key_id, version) for version, key_id in chosen.items())
    return (signer(domain=domain, selector=selector),) if selector else ()


def _forget_others(domain: str, wanted: Collection[Version]) -> None:
    """Keys that do not sign any more leave the memory, too."""
    for version in [one for one in _kept if one[0] == domain and one not in wanted]:
        del _kept[version]


def _signer(session: Session, key_id: int, version: Version) -> Signer:
    if version not in _kept:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        domain, selector, _ = version
        stored = session.scalar(select(SigningKey.sealed).where(SigningKey.id == key_id))
        _kept[version] = Signer(domain=domain, selector=selector, key=_opened(stored or b"", domain, selector))
    return _kept[version]


def _opened(stored: bytes, domain: str, selector: str) -> RSAPrivateKey | Ed25519PrivateKey:
    about = seal_name(domain, selector)
    try:
        pem = unseal(stored, purpose=about)
    except NotAllowed:
        # Without its cause, so that nothing about the key gets into a log.
        raise NotAllowed(
            "signing_key_sealed",
            say("The keys.json of this home does not open the signing key %(name)s.", name=about),
            say(
                "Restore the keys.json that belongs to this database. If it is lost: crusoe dkim new %(domain)s,"
                " publish and activate the new key, then retire this one.",
                domain=domain,
            ),
        ) from None
    key = load_pem_private_key(pem.encode(), password=None)
    if isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        return key
    raise NotAllowed(
        "dkim_key_unreadable", say("%(name)s is no key that can sign.", name=about), say("Draw a new key.")
    )
