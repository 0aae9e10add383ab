"""Scores in the database: kept up with the ledger a batch at a time, and rebuilt from it at any time."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any

from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.models import Channel, Company, Contact, Endpoint, RecipientChoice, TrackingLevel
from core import audit
from core.tasks import ring
from lead_handover.models import Score as ScoreRow
from lead_handover.models import ScoreDirty, ScoreModel
from lead_handover.rules import ScoreRules, read
from lead_handover.scoring import Hit, Score, score, shown
from segments import known_fields
from tracking.models import Event, EventKind

BATCH = 1_000
JOB = "lead_handover.score"

# Standard fields that fit conditions may ask; custom fields come on top.
_COLUMNS = ("number", "first_name", "last_name", "language", "country", "kind", "source", "created_at", "updated_at")


@dataclass(frozen=True)
class RulesInForce:
    """The newest rules and their version."""

    version: int
    rules: ScoreRules


@dataclass(frozen=True)
class Scored:
    """A contact with the score of this moment and the values that it was made from."""

    contact_id: int
    values: Mapping[str, Any]
    score: Score


def in_force(session: Session) -> RulesInForce | None:
    """The score rules in force, or None while there are none."""
    row = session.execute(select(ScoreModel.id, ScoreModel.rules).order_by(ScoreModel.id.desc()).limit(1)).first()
    return RulesInForce(version=row.id, rules=read(row.rules)) if row else None


def activate(session: Session, rules: ScoreRules, *, actor: str, now: datetime) -> bool:
    """Put score rules into force as a new version and have everybody rescored. Answers whether anything changed."""
    checked = read(rules.model_dump(mode="json"), fields=known_fields(session), today=now.date())
    before = in_force(session)
    if before is not None and before.rules == checked:
        return False
    document = checked.model_dump(mode="json")
    model = ScoreModel(rules=document, activated_by=actor)
    session.add(model)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="score_rules.activate",
        object_type="score_model",
        object_id=model.id,
        rules=document,
    )
    mark_all(session)
    ring(session, JOB)
    return True


def mark_all(session: Session) -> int:
    """Have everybody rescored of whom anything is known. Answers how many addresses that are."""
    session.execute(delete(ScoreDirty))
    marked = session.execute(
        text(
            "INSERT INTO score_dirty (address_id)"
            " SELECT address_id FROM event WHERE address_id IS NOT NULL AND kind <> 'sent'"
            " UNION SELECT e.address_id FROM endpoint AS e JOIN score AS s ON s.contact_id = e.contact_id"
        )
    )
    return int(getattr(marked, "rowcount", 0))


def mark_faded(session: Session, *, before: datetime, most: int) -> bool:
    """Have scores from before a moment computed again, because points fade. Answers whether more than `most` are."""
    old = select(ScoreRow.contact_id).where(ScoreRow.computed_at < before, ScoreRow.points > 0).limit(most)
    waiting = select(Endpoint.address_id).where(Endpoint.contact_id.in_(old))
    found = session.execute(insert(ScoreDirty).from_select(["address_id"], waiting))
    return int(getattr(found, "rowcount", 0)) >= most


def take_dirty(session: Session, *, most: int = BATCH) -> tuple[set[int], bool]:
    """Contacts to be rescored now, taken off the list, and whether more wait. Gone again when this is rolled back.

    All marks of an address go at once. Whatever they stand for is stored, so the queries that follow see it.
    """
    first = select(ScoreDirty.address_id).order_by(ScoreDirty.id).limit(most)
    taken = session.scalars(
        delete(ScoreDirty).where(ScoreDirty.address_id.in_(first.scalar_subquery())).returning(ScoreDirty.address_id)
    ).all()
    owners = select(Endpoint.contact_id).where(Endpoint.address_id.in_(set(taken)))
    return set(session.scalars(owners)) if taken else set(), len(taken) >= most


def rescore(session: Session, contact_ids: Collection[int], *, current: RulesInForce, now: datetime) -> list[Scored]:
    """Compute and store the scores of these contacts from all their events. A handful of queries for all of them."""
    contacts = _contacts(session, contact_ids)
    hits = _hits(session, contacts.keys() - _objecting(session, contacts), current.rules)
    fields = known_fields(session)
    scored = [
        Scored(contact_id, values, score(hits[contact_id], values, current.rules, now, fields=fields))
        for contact_id, values in contacts.items()
        if hits[contact_id]
    ]
    _store(session, scored, version=current.version, now=now)
    silent = set(contact_ids) - {one.contact_id for one in scored}
    session.execute(delete(ScoreRow).where(ScoreRow.contact_id.in_(silent)))
    return scored


def _contacts(session: Session, contact_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Field values by contact, locked so that nobody is erased while a score for them is being stored."""
    people = session.execute(
        select(Contact, Company.name)
        .outerjoin(Company, Company.id == Contact.company_id)
        .where(Contact.id.in_(contact_ids))
        .order_by(Contact.id)
        .with_for_update(of=Contact, read=True, key_share=True)
    ).all()
    emails: dict[int, tuple[str, ...]] = defaultdict(tuple)
    mailboxes = select(Endpoint.contact_id, Endpoint.value).where(
        Endpoint.contact_id.in_(contact_ids), Endpoint.channel == Channel.EMAIL
    )
    for owner, value in session.execute(mailboxes):
        emails[owner] += (value,)
    return {
        person.id: person.fields
        | {name: getattr(person, name) for name in _COLUMNS}
        | {"email": emails[person.id], "company": company}
        for person, company in people
    }


def _objecting(session: Session, contact_ids: Collection[int]) -> set[int]:
    """Who objected to being profiled (Art. 21(2) GDPR) under any address: of them nothing is looked at."""
    return set(
        session.scalars(
            select(Endpoint.contact_id)
            .join(RecipientChoice, RecipientChoice.address_id == Endpoint.address_id)
            .where(Endpoint.contact_id.in_(contact_ids), RecipientChoice.profiling.is_(False))
        )
    )


def _hits(session: Session, contact_ids: Collection[int], rules: ScoreRules) -> dict[int, list[Hit]]:
    """What happened, by contact. Reading is looked at only for people who allow that now."""
    rows = session.execute(
        select(Endpoint.contact_id, Event.at, Event.kind, Event.message_id, Event.link_id, Event.verdict)
        .join(Event, Event.address_id == Endpoint.address_id)
        .outerjoin(RecipientChoice, RecipientChoice.address_id == Endpoint.address_id)
        .where(
            Endpoint.contact_id.in_(contact_ids),
            Event.kind.in_({rule.kind for rule in rules.events}),
            or_(
                Event.kind.not_in((EventKind.OPEN, EventKind.CLICK)),
                RecipientChoice.tracking == TrackingLevel.INDIVIDUAL,
            ),
        )
    )
    hits: dict[int, list[Hit]] = defaultdict(list)
    for row in rows:
        hits[row.contact_id].append(Hit(row.at, row.kind, row.message_id, row.link_id, row.verdict))
    return hits


# One parameter for the whole batch: a thousand rows of parameters take longer to spell out than to store.
_STORE = """
    INSERT INTO score (contact_id, points, lines, model_id, computed_at)
    SELECT contact_id, points, lines, :version, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(contact_id bigint, points numeric, lines jsonb)
    ON CONFLICT (contact_id) DO UPDATE
    SET points = excluded.points, lines = excluded.lines, model_id = excluded.model_id,
        computed_at = excluded.computed_at
"""


def _store(session: Session, scored: list[Scored], *, version: int, now: datetime) -> None:
    rows = [
        {"contact_id": one.contact_id, "points": round(one.score.points, 2), "lines": shown(one.score.lines)}
        for one in scored
    ]
    session.execute(text(_STORE), {"rows": dumps(rows), "version": version, "now": now})


def waiting(session: Session) -> int:
    """How many marks wait to be looked at."""
    return session.scalar(select(func.count()).select_from(ScoreDirty)) or 0
