"""How long each kind of data is kept: every stage says what it has, this knows the terms and carries them out.

A kind has a term in days, a count of what is over it and a verb that removes a portion of that. Terms of the house are
rows of `retention_term`; where there is none, the default of the stage holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import audit, clock
from core.db import Base, CreatedAt
from core.errors import WrongInput
from core.sentences import say

PORTION = 20_000
LONGEST = 36_500


class RetentionTerm(Base):
    """A term that this house chose instead of the default."""

    __tablename__ = "retention_term"

    kind: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int]
    changed_at: Mapped[CreatedAt]
    changed_by: Mapped[str]


@dataclass(frozen=True)
class Kind:
    """One kind of data. `title` and `why` are sentences of `say`; `due` counts, `remove` answers how many it removed.

    Without `remove` nothing is ever removed by a job, and `why` says what holds instead. `most`: the longest term that
    the law allows, in days.
    """

    code: str
    title: str
    why: str
    days: int | None
    due: Callable[[Session, datetime], int] | None = None
    remove: Callable[[Session, datetime, int], int] | None = None
    most: int = LONGEST


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind of data known. Called once, in the `retention` module of its stage."""
    KINDS[kind.code] = kind
    return kind


@dataclass(frozen=True)
class Standing:
    """A kind with its term in force and how many rows are over it now."""

    kind: Kind
    days: int | None
    due: int


def terms(session: Session) -> dict[str, int | None]:
    """The term in force of every kind, in days; None where nothing is removed by a job."""
    chosen = {row.kind: row.days for row in session.scalars(select(RetentionTerm))}
    return {code: chosen.get(code, kind.days) if kind.remove else kind.days for code, kind in KINDS.items()}


def preview(session: Session) -> list[Standing]:
    """How many rows of each kind would go now. Changes nothing."""
    now, found = clock.now(), []
    for code, days in terms(session).items():
        kind = KINDS[code]
        due = kind.due(session, now - timedelta(days=days)) if kind.due and days is not None else 0
        found.append(Standing(kind=kind, days=days, due=due))
    return found


def choose(session: Session, *, kind: str, days: int, actor: str) -> None:
    """Set the term of one kind. WrongInput when there is none, or when it may not be kept so long."""
    known = KINDS.get(kind)
    if known is None or known.remove is None:
        raise WrongInput(
            "retention_kind_unknown",
            say("There is no term to set for %(kind)s.", kind=repr(kind[:60])),
            say("Known: %(known)s.", known=", ".join(code for code, one in KINDS.items() if one.remove)),
        )
    if not 1 <= days <= known.most:
        raise WrongInput(
            "retention_term_invalid",
            say("A term of %(kind)s is between 1 and %(most)s days.", kind=kind, most=known.most),
            where="days",
        )
    before = terms(session)[kind]
    values = {"days": days, "changed_by": actor, "changed_at": clock.now()}
    session.execute(
        insert(RetentionTerm)
        .values(kind=kind, **values)
        .on_conflict_do_update(index_elements=[RetentionTerm.kind], set_=values)
    )
    audit.record(
        session,
        actor=actor,
        action="retention.set",
        object_type="retention_term",
        object_id=kind,
        before=before,
        after=days,
    )


def carry_out(session: Session, *, actor: str = "system", most: int = PORTION) -> dict[str, int]:
    """Remove a portion of what is over its term and answer how many rows of each kind went; the audit log says so."""
    now, gone = clock.now(), {}
    for code, days in terms(session).items():
        kind = KINDS[code]
        if (
            kind.remove is not None
            and days is not None
            and (removed := kind.remove(session, now - timedelta(days=days), most))
        ):
            gone[code] = removed
    if gone:
        audit.record(
            session, actor=actor, action="retention.carry_out", object_type="retention_term", object_id="all", rows=gone
        )
    return gone
