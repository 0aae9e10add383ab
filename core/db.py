"""One database, one way to open a transaction."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import cache
from itertools import count
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Engine, Enum, Identity, MetaData, create_engine, event, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

from core.errors import NotReachable
from core.sentences import say
from core.settings import settings

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Id = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Document = Annotated[dict[str, Any], mapped_column(JSONB)]


class Base(DeclarativeBase):
    """Declarative base of all tables, in every stage."""

    metadata = MetaData(naming_convention=NAMING)


def text_enum(kind: type[StrEnum]) -> Enum:
    """Column type that keeps an enumeration as its readable value, checked by the database."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
        name=kind.__name__.lower(),
        length=40,
    )


# How many connections this process has made. A new one may lead to another server than the one before.
_made = count(1)
_connections = [0]


def connections_made() -> int:
    """A number that grows with every new connection: what was known of the database may not hold any more."""
    return _connections[0]


@cache
def engine() -> Engine:
    """The connection pool of this process. Made anew after a fork: see `forget_connections`."""
    made = create_engine(
        settings().database_url,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        # Seals cover times as text, so every session must spell them alike.
        connect_args={"connect_timeout": 5, "application_name": "crusoe", "options": "-c timezone=UTC"},
    )
    event.listen(made, "connect", lambda *_: _connections.__setitem__(0, next(_made)))
    return made


def forget_connections() -> None:
    """Give up inherited connections without closing them: they belong to the parent process."""
    engine().dispose(close=False)


def forget_engine() -> None:
    """Close the pool and read the settings anew at the next use; tests move between databases this way."""
    if engine.cache_info().currsize:
        engine().dispose()
    engine.cache_clear()


def bigints(numbers: Iterable[int | None]) -> str:
    """Whole numbers as PostgreSQL spells an array, for `CAST(:name AS bigint[])`.

    For batches: the driver looks at each number of a list singly, which costs ten times as long.
    """
    return f"{{{','.join(map(str, numbers)).replace('None', 'NULL')}}}"


def texts(values: Iterable[str]) -> str:
    """Texts as PostgreSQL spells an array, for `CAST(:name AS text[])`; see `bigints`."""
    spelled = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return "{" + ",".join([f'"{value}"' for value in spelled]) + "}"


def database_clock(session: Session) -> datetime:
    """The moment by the clock that all processes share. What begins or ends at a time asks it, not its own host."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


@contextmanager
def transaction() -> Iterator[Session]:
    """Open a session, commit at the end, then run what was registered with `after_commit`.

    Requests and tasks open it; services take the session and never commit. On any error everything is rolled back and
    nothing that was registered runs.
    """
    try:
        with Session(engine(), expire_on_commit=False) as session:
            with session.begin():
                yield session
            waiting: list[Callable[[], object]] = session.info.pop("after_commit", [])
    except OperationalError as error:
        if error.connection_invalidated or "connection" in str(error.orig):
            raise NotReachable(
                "database_unreachable",
                say("The database does not answer."),
                say("Start it with `crusoe up`, or check DATABASE_URL."),
            ) from error
        raise
    for action in waiting:
        action()


def after_commit(session: Session, action: Callable[[], object]) -> None:
    """Run `action` once the transaction of `session` is safely stored; never when it is rolled back."""
    session.info.setdefault("after_commit", []).append(action)
