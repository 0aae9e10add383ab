"""Drawing, activating and retiring the keys of a domain. Every step is in the audit log; no private key ever is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from contacts import email_address
from core import audit, clock
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Permission
from core.sealing import seal
from core.sentences import say
from core.users import Actor
from delivery.dkim import SMALLEST_RSA, is_selector
from delivery.signing.models import Algorithm, SigningKey
from delivery.signing.public import PublicKey, public_value
from delivery.signing.states import KeyState, followed_at, signing, state_of

# A mail may be in queues for five days (RFC 5321, 4.5.4.1), and be checked again when it is fetched.
KEPT = timedelta(days=7)

_LETTERS = {Algorithm.RSA2048: "r", Algorithm.ED25519: "e"}


@dataclass(frozen=True)
class KeyView:
    """A key as people see it: everything but its private half. `retire_after` is when its record may go."""

    domain: str
    selector: str
    algorithm: Algorithm
    state: KeyState
    record_name: str
    record_value: str
    created_at: datetime
    created_by: str
    active_from: datetime | None
    retire_after: datetime | None
    retired_at: datetime | None


def domain_name(text_: str) -> str:
    """A domain as it stands in the DNS, with A-labels. Raises WrongInput."""
    try:
        return email_address(f"postmaster@{text_.strip().rstrip('.')}").domain
    except WrongInput as error:
        raise WrongInput("domain_invalid", error.message, where="domain") from error


def draw_key(
    session: Session, *, domain: str, algorithm: Algorithm, actor: Actor, selector: str | None = None
) -> KeyView:
    """Draw a key for a domain. It signs nothing until it is published and activated."""
    actor.require(Permission.MANAGE_SENDERS)
    domain = domain_name(domain)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"signing_key:{domain}"})
    taken = set(session.scalars(select(SigningKey.selector).where(SigningKey.domain == domain)))
    name = _free(algorithm, taken) if selector is None else selector.strip().lower()
    if not is_selector(name) or name in taken:
        raise WrongInput(
            "selector_invalid",
            say("%(name)s cannot be the selector of a new key of %(domain)s.", name=repr(name[:60]), domain=domain),
            say("Letters, digits, dots and hyphens; each name is used once, because receivers remember records."),
            where="selector",
        )
    private = _drawn(algorithm)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = SigningKey(
        domain=domain,
        selector=name,
        algorithm=algorithm,
        sealed=seal(pem, purpose=seal_name(domain, name)),
        public_value=public_value(private),
        created_by=actor.email,
    )
    session.add(key)
    session.flush()
    session.refresh(key)
    _note(session, key, actor, "signing_key.draw")
    return _view(key, [key])


def _free(algorithm: Algorithm, taken: set[str]) -> str:
    """A selector that tells what it is and when it was drawn."""
    stem = f"c{clock.now():%Y%m%d}{_LETTERS[algorithm]}"
    return next(name for number in range(1, len(taken) + 2) if (name := f"{stem}{number}") not in taken)


def _drawn(algorithm: Algorithm) -> RSAPrivateKey | Ed25519PrivateKey:
    if algorithm is Algorithm.ED25519:
        return Ed25519PrivateKey.generate()
    return generate_private_key(public_exponent=65537, key_size=SMALLEST_RSA)


def seal_name(domain: str, selector: str) -> str:
    """What a sealed key says about itself."""
    return f"{selector}._domainkey.{domain}"


def keys_of(session: Session, *, domain: str | None = None) -> list[KeyView]:
    """The keys of a domain, or of all, the newest first."""
    query = select(SigningKey).order_by(SigningKey.domain, SigningKey.id.desc())
    found = list(session.scalars(query if domain is None else query.where(SigningKey.domain == domain_name(domain))))
    return [_view(key, [other for other in found if other.domain == key.domain]) for key in found]


def public_keys(session: Session, *, domain: str) -> list[PublicKey]:
    """What has to be published for a domain: every key that is not retired."""
    found = list(
        session.scalars(
            select(SigningKey)
            .where(SigningKey.domain == domain, SigningKey.retired_at.is_(None))
            .order_by(SigningKey.algorithm.desc(), SigningKey.id)
        )
    )
    ids = {key.id for key in signing(found)}
    return [_public(key, is_active=key.id in ids) for key in found]


def signing_key(session: Session, *, domain: str, selector: str) -> PublicKey:
    """The public half of one key, to look for it in the DNS. Raises NotFound, and NotAllowed when it is retired."""
    key = _found(session, domain, selector)
    if key.retired_at is not None:
        raise NotAllowed("key_retired", say("%(name)s is retired.", name=seal_name(key.domain, key.selector)))
    return _public(key, is_active=key.active_from is not None)


def activate_key(
    session: Session, *, domain: str, selector: str, actor: Actor, unchecked: str | None = None
) -> KeyView:
    """Let a key sign from now on, in place of an older one of its algorithm.

    The caller has found its record in the DNS just before; or says in `unchecked` why nobody looked.
    """
    actor.require(Permission.MANAGE_SENDERS)
    key = _found(session, domain, selector)
    if key.retired_at is not None or key.active_from is not None:
        raise NotAllowed(
            "key_state",
            say("%(name)s was activated before.", name=seal_name(key.domain, key.selector)),
            say("Draw a new key instead: crusoe dkim new %(domain)s", domain=key.domain),
        )
    key.active_from = session.scalars(select(func.clock_timestamp())).one()
    session.flush()
    _note(session, key, actor, "signing_key.activate", reason=unchecked, looked_up=unchecked is None)
    return _view(key, _siblings(session, key))


def retire_key(session: Session, *, domain: str, selector: str, actor: Actor, at_once: str | None = None) -> KeyView:
    """Forget a key for good; its record may be removed from the DNS.

    Refused until seven days after another one followed it, because mails with its signature may still be on their way.
    `at_once` is the reason to do it all the same, such as a key that somebody else may have.
    """
    actor.require(Permission.MANAGE_SENDERS)
    key = _found(session, domain, selector)
    siblings = _siblings(session, key)
    _refuse_early(key, siblings, at_once)
    key.retired_at, key.sealed = clock.now(), None
    session.flush()
    _note(session, key, actor, "signing_key.retire", reason=at_once)
    return _view(key, siblings)


def _refuse_early(key: SigningKey, siblings: list[SigningKey], at_once: str | None) -> None:
    name = seal_name(key.domain, key.selector)
    state = state_of(key, siblings)
    if state is KeyState.RETIRED:
        raise NotAllowed("key_retired", say("%(name)s is retired.", name=name))
    if at_once:
        return
    if state is KeyState.SIGNING:
        raise NotAllowed(
            "key_signs",
            say("%(name)s signs mail now.", name=name),
            say("Draw, publish and activate another one first; or give a reason to retire it at once (--at-once)."),
        )
    followed = followed_at(key, siblings)
    if followed is not None and followed + KEPT > clock.now():
        raise NotAllowed(
            "key_needed",
            say("Mails that %(name)s signed may still be on their way.", name=name),
            say("Retire it after %(moment)s.", moment=f"{followed + KEPT:%Y-%m-%d %H:%M} UTC"),
        )


def _found(session: Session, domain: str, selector: str) -> SigningKey:
    domain = domain_name(domain)
    key = session.scalar(
        select(SigningKey)
        .where(SigningKey.domain == domain, SigningKey.selector == selector.strip().lower())
        .with_for_update()
    )
    if key is None:
        raise NotFound(
            "key_unknown",
            say("%(domain)s has no signing key %(name)s.", domain=domain, name=repr(selector[:60])),
            say("See `crusoe dkim list`."),
        )
    return key


def _siblings(session: Session, key: SigningKey) -> list[SigningKey]:
    return list(session.scalars(select(SigningKey).where(SigningKey.domain == key.domain)))


def _public(key: SigningKey, *, is_active: bool) -> PublicKey:
    kind = "rsa" if key.algorithm is Algorithm.RSA2048 else "ed25519"
    was_active = not is_active and key.active_from is not None
    return PublicKey(key.domain, key.selector, kind, key.public_value, is_active, was_active)


def _view(key: SigningKey, siblings: list[SigningKey]) -> KeyView:
    public = _public(key, is_active=True)
    followed = followed_at(key, siblings)
    return KeyView(
        domain=key.domain,
        selector=key.selector,
        algorithm=key.algorithm,
        state=state_of(key, siblings),
        record_name=public.name,
        record_value=public.record,
        created_at=key.created_at,
        created_by=key.created_by,
        active_from=key.active_from,
        retire_after=followed + KEPT if followed else None,
        retired_at=key.retired_at,
    )


def _note(session: Session, key: SigningKey, actor: Actor, action: str, reason: str | None = None, **more: Any) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="signing_key",
        object_id=key.id,
        reason=reason,
        domain=key.domain,
        selector=key.selector,
        algorithm=key.algorithm,
        **more,
    )
