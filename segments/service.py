"""Segments by their code: save, count, sample, explain, and the queries that others build on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from psycopg.errors import QueryCanceled
from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from contacts.models import Channel, Contact, Endpoint, FieldDefinition
from core import audit, clock
from core.errors import NotFound, WrongInput
from core.sentences import say
from segments.compiler import Budget, Scope, compile, predicate  # noqa: A004 - the field's word
from segments.definition import Definition, InSegment, walk
from segments.fields import Fields, Known
from segments.models import Segment
from segments.reading import parse
from segments.wording import sentence

# Longer than any answer that somebody waits for on a page, shorter than what would hurt sending.
PATIENCE_MS = 5_000


def known_fields(session: Session) -> Fields:
    """The standard fields and those that this company added."""
    rows = session.execute(select(FieldDefinition.name, FieldDefinition.type, FieldDefinition.choices))
    return Fields(Known(row.name, row.type, custom=True, choices=frozenset(row.choices or ())) for row in rows)


def all_definitions(session: Session) -> dict[str, Definition]:
    """Every saved definition by its code."""
    return {row.code: parse(row.definition) for row in session.execute(select(Segment.code, Segment.definition))}


def check(session: Session, *, definition: Definition, code: str | None = None) -> None:
    """Raise WrongInput when a definition could not be asked: unknown field or segment, wrong type, circle."""
    _compiled(session, definition=definition, code=code)


def save(
    session: Session,
    *,
    code: str,
    name: str,
    definition: Definition,
    actor: str,
    description: str = "",
) -> bool:
    """Store a definition under its code, checked. Answers whether anything changed; repeating it changes nothing."""
    check(session, definition=definition, code=code)
    before = session.execute(
        select(Segment.sha256, Segment.name, Segment.description).where(Segment.code == code)
    ).first()
    after = (definition.digest, name, description)
    if before is not None and (bytes(before.sha256), before.name, before.description) == after:
        return False
    values = {"name": name, "description": description, "definition": definition.data, "sha256": definition.digest}
    session.execute(
        insert(Segment)
        .values(code=code, **values)
        .on_conflict_do_update(index_elements=[Segment.code], set_=values | {"updated_at": func.now()})
    )
    audit.record(
        session,
        actor=actor,
        action="segment.save",
        object_type="segment",
        object_id=code,
        definition=definition.data,
        sha256=definition.digest.hex(),
    )
    return True


def get(session: Session, code: str) -> Segment:
    """The segment of this code; NotFound when there is none."""
    segment = session.scalar(select(Segment).where(Segment.code == code))
    if segment is None:
        known = ", ".join(session.scalars(select(Segment.code).order_by(Segment.code).limit(20)))
        raise NotFound(
            "segment_unknown",
            say("There is no segment %(code)s.", code=repr(code[:60])),
            say("Known: %(known)s.", known=known) if known else say("There is none yet."),
        )
    return segment


def definition_of(session: Session, code: str) -> Definition:
    """The checked definition of a segment."""
    return parse(get(session, code).definition)


def digest(session: Session, code: str) -> bytes:
    """SHA-256 over the definition and those of all segments that it refers to: what an approval is bound to."""
    found = with_referred(session, code)
    lines = (f"{name} {found[name].digest.hex()}" for name in sorted(found))
    return sha256("\n".join([code, *lines]).encode()).digest()


def with_referred(session: Session, code: str) -> dict[str, Definition]:
    """The definition of a segment and those of all segments that it refers to, by code."""
    definitions, found = all_definitions(session), dict[str, Definition]()
    waiting = [get(session, code).code]
    while waiting:
        current = waiting.pop()
        if current in found or current not in definitions:
            continue
        found[current] = definitions[current]
        waiting += [node.segment for _, _, node in definitions[current].nodes() if isinstance(node, InSegment)]
    return found


def members(session: Session, code: str, *, now: datetime | None = None) -> Select[int]:
    """SELECT of `contact_id` of everybody in the segment at `now`."""
    return _compiled(session, definition=definition_of(session, code), code=code, now=now)


def audience(
    session: Session, code: str, *, channel: Channel = Channel.EMAIL, now: datetime | None = None
) -> Select[int, int, int]:
    """SELECT of `contact_id, endpoint_id, address_id` of the members that have an address on this channel.

    Consent is given by address, so a member with two addresses stands in it twice.
    """
    return (
        members(session, code, now=now)
        .join(Endpoint, Endpoint.contact_id == Contact.id)
        .where(Endpoint.channel == channel)
        .add_columns(Endpoint.id.label("endpoint_id"), Endpoint.address_id.label("address_id"))
    )


@dataclass(frozen=True)
class Size:
    """How many are in a segment, and how many of them have an e-mail address."""

    members: int
    reachable: int


def count(session: Session, definition: Definition, *, code: str | None = None) -> Size:
    """How many contacts fit; WrongInput `segment_slow` when the answer takes too long."""
    found = _compiled(session, definition=definition, code=code).subquery()
    reached = (
        select(Endpoint.id).where(Endpoint.contact_id == found.c.contact_id, Endpoint.channel == Channel.EMAIL).exists()
    )
    with impatient(session):
        row = session.execute(select(func.count(), func.count().filter(reached)).select_from(found)).one()
    return Size(members=row[0], reachable=row[1])


def sample(session: Session, definition: Definition, *, size: int = 10, code: str | None = None) -> list[Contact]:
    """A few of those who fit, the newest first; the same ones at every call, so that a preview does not flicker."""
    found = _compiled(session, definition=definition, code=code)
    newest = select(Contact).where(Contact.id.in_(found)).order_by(Contact.id.desc()).limit(max(1, min(size, 100)))
    with impatient(session):
        return list(session.scalars(newest))


@dataclass(frozen=True)
class Line:
    """One condition of an explanation: where it stands, what it asks, whether it holds for this contact."""

    path: str
    depth: int
    asks: str
    holds: bool


def explain(session: Session, code: str, contact_id: int, *, now: datetime | None = None) -> list[Line]:
    """Why a contact is in a segment or not: every condition in reading order. The first line is the answer."""
    root = definition_of(session, code).root
    scope = _scope(session, code=code, now=now)
    nodes = list(walk(root))
    columns: list[Any] = [
        predicate(node, replace(scope, budget=Budget()), path=path).is_(True).label(f"line_{number}")
        for number, (path, _, node) in enumerate(nodes)
    ]
    answers = session.execute(select(*columns).select_from(Contact).where(Contact.id == contact_id)).first()
    if answers is None:
        raise NotFound("contact_unknown", say("There is no contact %(contact_id)s.", contact_id=contact_id))
    return [
        Line(path=path, depth=depth, asks=sentence(node), holds=holds)
        for (path, depth, node), holds in zip(nodes, answers, strict=True)
    ]


@contextmanager
def impatient(session: Session, *, milliseconds: int = PATIENCE_MS) -> Iterator[None]:
    """Give up a query that takes too long, keep the transaction, and say what to do."""
    try:
        with session.begin_nested():
            before = session.scalar(text("SELECT current_setting('statement_timeout')"))
            set_timeout = text("SELECT set_config('statement_timeout', :value, true)")
            session.execute(set_timeout, {"value": str(milliseconds)})
            yield
            session.execute(set_timeout, {"value": before})
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        raise WrongInput(
            "segment_slow",
            say("The answer took more than %(seconds)s seconds.", seconds=f"{milliseconds / 1000:g}"),
            say("Narrow the segment, or leave out conditions that look at many events."),
        ) from error


def _scope(session: Session, *, code: str | None, now: datetime | None) -> Scope:
    return Scope(
        fields=known_fields(session),
        now=now or clock.now(),
        segments=all_definitions(session),
        inside=(code,) if code else (),
    )


def _compiled(
    session: Session, *, definition: Definition, code: str | None, now: datetime | None = None
) -> Select[int]:
    scope = _scope(session, code=code, now=now)
    return compile(definition, scope.fields, scope.now, segments=scope.segments, code=code)
