"""The people who work with Crusoe: accounts, passwords, sessions that can be revoked."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import ForeignKey, LargeBinary, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import audit, clock, keys
from core.db import Base, CreatedAt, Id, Moment, text_enum
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Permission, Role, may
from core.sentences import say

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
SHORTEST_PASSWORD = 12

HASHER = PasswordHasher()


@cache
def _nobody() -> str:
    """Checked when the account does not exist, so that the answer takes as long as for one that does.

    Made at the first sign-in, not at import: every process would pay for it, and only the web server needs it.
    """
    return HASHER.hash("nobody has this password")


class User(Base):
    """One person with one role."""

    __tablename__ = "user_account"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(text_enum(Role))
    password_hash: Mapped[str]
    locale: Mapped[str] = mapped_column(default="en")
    created_at: Mapped[CreatedAt]
    disabled_at: Mapped[Moment | None]


class LoginSession(Base):
    """One signed-in browser. Only the hash of its token is stored; deleting the row signs it out."""

    __tablename__ = "login_session"

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[Moment]
    seen_at: Mapped[Moment]


@dataclass(frozen=True)
class Actor:
    """Who acts: what services take, so that they know no web framework."""

    id: int
    email: str
    name: str
    role: Role
    locale: str

    def may(self, permission: Permission) -> bool:
        """Whether this person's role allows it."""
        return may(role=self.role, permission=permission)

    def require(self, permission: Permission) -> None:
        """Refuse with a sentence when the role does not allow it."""
        if not self.may(permission):
            raise NotAllowed(
                "not_permitted",
                say(
                    "%(email)s (%(role)s) may not do this: it needs the permission %(permission)s.",
                    email=self.email,
                    role=self.role,
                    permission=permission,
                ),
                say("Ask somebody who has it."),
            )


def add(session: Session, *, email: str, role: Role, password: str | None = None, name: str = "") -> str:
    """Create an account and answer its password; drawn when none is given."""
    email = email.strip().lower()
    if "@" not in email:
        raise WrongInput("email_invalid", say("%(email)s is no e-mail address.", email=repr(email)))
    if session.scalar(select(User.id).where(User.email == email)):
        raise WrongInput("user_exists", say("There is already a user %(email)s.", email=email))
    password = password or secrets.token_urlsafe(12)
    if len(password) < SHORTEST_PASSWORD:
        raise WrongInput(
            "password_short",
            say("A password needs at least %(count)s characters.", count=SHORTEST_PASSWORD),
        )
    user = User(
        email=email,
        name=name or email.partition("@")[0].replace(".", " ").title(),
        role=role,
        password_hash=HASHER.hash(password),
        locale="en",
    )
    session.add(user)
    session.flush()
    audit.record(session, actor="system", action="user.add", object_type="user", object_id=user.id, role=role)
    return password


def actor(session: Session, email: str) -> Actor:
    """The active user with this address."""
    user = session.scalar(select(User).where(User.email == email.strip().lower(), User.disabled_at.is_(None)))
    if user is None:
        raise NotFound(
            "user_unknown", say("There is no active user %(email)s.", email=email), say("See `crusoe user list`.")
        )
    return as_actor(user)


def as_actor(user: User) -> Actor:
    """The value that stands for a user outside this file."""
    return Actor(id=user.id, email=user.email, name=user.name, role=user.role, locale=user.locale)


def sign_in(session: Session, *, email: str, password: str) -> tuple[Actor, str] | None:
    """The person and a fresh session token, or None; wrong name and wrong password look and take the same."""
    user = session.scalar(select(User).where(User.email == email.strip().lower(), User.disabled_at.is_(None)))
    try:
        HASHER.verify(user.password_hash if user else _nobody(), password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    if user is None:
        return None
    token = secrets.token_urlsafe(32)
    moment = clock.now()
    session.add(LoginSession(token_hash=keys.fingerprint(token), user_id=user.id, started_at=moment, seen_at=moment))
    audit.record(
        session, actor=user.email, user_id=user.id, action="user.sign_in", object_type="user", object_id=user.id
    )
    return as_actor(user), token


def resume(session: Session, *, token: str, moment: datetime) -> Actor | None:
    """Who holds this session token, if it is neither idle nor too old; marks it as seen."""
    row = session.execute(
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(
            LoginSession.token_hash == keys.fingerprint(token),
            LoginSession.seen_at > moment - IDLE,
            LoginSession.started_at > moment - LONGEST,
            User.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    login, user = row
    # Once a minute is enough: a write per page view would make reading as costly as writing.
    if moment - login.seen_at > timedelta(minutes=1):
        login.seen_at = moment
    return as_actor(user)


def sign_out(session: Session, *, token: str) -> None:
    """End one session."""
    login = session.scalar(select(LoginSession).where(LoginSession.token_hash == keys.fingerprint(token)))
    if login is not None:
        session.delete(login)


def sessions_open(session: Session, *, user_id: int) -> int:
    """How many browsers this person is signed in with."""
    return session.scalar(select(func.count()).where(LoginSession.user_id == user_id)) or 0


def operator() -> Actor:
    """Whoever runs commands on the machine itself: may do everything that needs no second person."""
    return Actor(id=0, email="operator", name="Operator", role=Role.ADMIN, locale="en")
