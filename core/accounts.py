"""Changes to accounts, by the people themselves and by administrators."""

from dataclasses import dataclass
from datetime import datetime

from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core import audit, clock, keys, users
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Permission, Role
from core.sentences import say
from core.users import Actor, LoginSession, User

LOCALES = ("en", "de")


@dataclass(frozen=True)
class OpenSession:
    """One browser that is signed in."""

    id: int
    started_at: datetime
    seen_at: datetime
    this_one: bool


def sessions(session: Session, *, actor: Actor, token: str) -> list[OpenSession]:
    """The browsers in which this person is signed in, latest first."""
    own = keys.fingerprint(token)
    found = session.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == actor.id, LoginSession.seen_at > clock.now() - users.IDLE)
        .order_by(LoginSession.seen_at.desc())
    )
    return [
        OpenSession(id=login.id, started_at=login.started_at, seen_at=login.seen_at, this_one=login.token_hash == own)
        for login in found
    ]


def end_other_sessions(session: Session, *, actor: Actor, token: str) -> int:
    """Sign this person out everywhere but here. Answers in how many browsers."""
    ended = session.execute(
        delete(LoginSession)
        .where(LoginSession.user_id == actor.id, LoginSession.token_hash != keys.fingerprint(token))
        .returning(LoginSession.id)
    )
    return len(ended.all())


def choose_language(session: Session, *, actor: Actor, locale: str) -> None:
    """In which language this person sees the pages."""
    if locale not in LOCALES:
        raise WrongInput(
            "locale_unknown", say("There are no pages in %(locale)s.", locale=repr(locale)), where="locale"
        )
    session.execute(update(User).where(User.id == actor.id).values(locale=locale))


def change_password(session: Session, *, actor: Actor, token: str, old: str, new: str) -> None:
    """Set a new password; every other browser is signed out."""
    user = session.get_one(User, actor.id)
    try:
        users.HASHER.verify(user.password_hash, old)
    except (VerifyMismatchError, InvalidHashError):
        raise NotAllowed("password_wrong", say("That is not your present password."), where="old") from None
    if len(new) < users.SHORTEST_PASSWORD:
        raise WrongInput(
            "password_short",
            say("A password needs at least %(count)s characters.", count=users.SHORTEST_PASSWORD),
            where="new",
        )
    user.password_hash = users.HASHER.hash(new)
    end_other_sessions(session, actor=actor, token=token)
    _note(session, actor=actor, action="user.change_password", user_id=actor.id)


def change_role(session: Session, *, actor: Actor, user_id: int, role: Role) -> None:
    """Give somebody another role; they must sign in again. Nobody changes the own role."""
    user = _other(session, actor=actor, user_id=user_id)
    before, user.role = user.role, role
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
    _note(session, actor=actor, action="user.change_role", user_id=user_id, before=before, after=role)


def switch(session: Session, *, actor: Actor, user_id: int, active: bool) -> None:
    """Close an account, which signs it out at once, or open it again."""
    user = _other(session, actor=actor, user_id=user_id)
    user.disabled_at = None if active else clock.now()
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
    _note(session, actor=actor, action="user.enable" if active else "user.disable", user_id=user_id)


def _other(session: Session, *, actor: Actor, user_id: int) -> User:
    actor.require(Permission.MANAGE_USERS)
    if user_id == actor.id:
        raise NotAllowed(
            "own_account", say("Nobody changes the own role or closes the own account."), say("Ask a colleague.")
        )
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("user_unknown", say("There is no user %(user_id)s.", user_id=user_id))
    return user


def _note(session: Session, *, actor: Actor, action: str, user_id: int, **details: str) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="user",
        object_id=user_id,
        **details,
    )
