"""Tokens for other systems: made by an administrator, shown once, with scopes and an end, revocable at once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.api.models import ApiToken
from core import audit, clock, keys
from core.codes import require_code
from core.errors import CrusoeError, NotAllowed, NotFound, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor

# So that a token that somebody left in a file is known for what it is.
PREFIX = "crusoe_"
MOST_DAYS = 366


class Scope(StrEnum):
    """One thing that another system may do."""

    DECISIONS_READ = "decisions.read"
    RESERVATIONS_WRITE = "reservations.write"
    CASES_WRITE = "cases.write"
    NUMBERS_READ = "numbers.read"


class NotKnown(CrusoeError):
    """Nobody knows who asks: there is no token, or none that counts (RFC 6750)."""

    exit_code = 2
    status = 401


@dataclass(frozen=True)
class Caller:
    """The system that asks."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class TokenState:
    """A token as administrators see it; nobody sees the token itself again."""

    id: int
    name: str
    scopes: list[str]
    state: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


def create_token(session: Session, *, name: str, scopes: list[str], days: int, actor: Actor) -> str:
    """Make a token for a system and answer it; only its hash is stored, so this is the one time it is seen."""
    actor.require(Permission.MANAGE_USERS)
    try:
        require_code(name)
    except WrongInput as error:
        error.where = "name"
        raise
    if not scopes or set(scopes) - set(Scope):
        raise WrongInput("scope_unknown", say("Scopes are %(known)s.", known=", ".join(Scope)), where="scopes")
    if not 1 <= days <= MOST_DAYS:
        raise WrongInput("days_invalid", say("A token lasts 1 to %(most)s days.", most=MOST_DAYS), where="days")
    if session.scalar(select(ApiToken.id).where(ApiToken.name == name)):
        raise WrongInput(
            "token_exists",
            say("There is already a token %(name)s.", name=repr(name)),
            say("Names stand in the evidence, so each is used once: choose another one."),
            where="name",
        )
    drawn = PREFIX + secrets.token_urlsafe(32)
    made = ApiToken(
        name=name,
        hash=keys.fingerprint(drawn),
        scopes=sorted(set(scopes)),
        created_by=actor.email,
        expires_at=clock.now() + timedelta(days=days),
    )
    session.add(made)
    session.flush()
    _note(session, actor, "token.create", made, scopes=made.scopes, expires_at=made.expires_at.isoformat())
    return drawn


def revoke_token(session: Session, *, name: str, actor: Actor) -> None:
    """Let a token open nothing any more, from this commit on."""
    actor.require(Permission.MANAGE_USERS)
    found = session.scalar(select(ApiToken).where(ApiToken.name == name))
    if found is None:
        raise NotFound("token_unknown", say("There is no token %(name)s.", name=repr(name)))
    if found.revoked_at is not None:
        raise NotAllowed("token_revoked", say("The token %(name)s is revoked already.", name=repr(name)))
    found.revoked_at = clock.now()
    _note(session, actor, "token.revoke", found)


def tokens(session: Session) -> list[TokenState]:
    """All tokens, the newest first."""
    now = clock.now()
    return [
        TokenState(
            id=one.id,
            name=one.name,
            scopes=list(one.scopes),
            state="revoked" if one.revoked_at else "expired" if one.expires_at <= now else "valid",
            created_by=one.created_by,
            created_at=one.created_at,
            expires_at=one.expires_at,
            last_used_at=one.last_used_at,
        )
        for one in session.scalars(select(ApiToken).order_by(ApiToken.id.desc()))
    ]


def caller(session: Session, *, token: str, scope: Scope) -> Caller:
    """Who holds this token, if it counts and has the scope. A wrong, expired and revoked one look the same."""
    now = clock.now()
    found = session.scalar(
        select(ApiToken).where(
            ApiToken.hash == keys.fingerprint(token), ApiToken.expires_at > now, ApiToken.revoked_at.is_(None)
        )
    )
    if found is None:
        raise NotKnown(
            "token_invalid",
            say("There is no such token, or it has ended."),
            say("Ask your administrator for a new one."),
        )
    if scope not in found.scopes:
        raise NotAllowed(
            "scope_missing", say("This token has no scope %(scope)s.", scope=scope), say("Use one that has it.")
        )
    # Once a minute is enough to tell whether a token is still in use.
    if found.last_used_at is None or now - found.last_used_at > timedelta(minutes=1):
        found.last_used_at = now
    return Caller(name=found.name, scopes=frozenset(found.scopes))


def _note(session: Session, actor: Actor, action: str, token: ApiToken, **details: Any) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="api_token",
        object_id=token.id,
        name=token.name,
        **details,
    )
