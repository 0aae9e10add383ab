"""Complaints and service cases that other systems work on: as long as one is open, its people get no advertising.

The case is a fact of the system that keeps it, not a judgement of ours. So this is the one kind of entry that who
opened it ends again: by the number of the case, and only for cases of the same system.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts import EmailAddress, ensure_addresses
from core import audit, clock
from core.errors import NotFound, WrongInput
from core.sentences import say
from suppression.entries import NewEntry, add_many, lock_addresses
from suppression.lifting import store_lifts
from suppression.models import Cause

LONGEST = 100
SOURCE = "case:"


@dataclass(frozen=True)
class CaseState:
    """A case after it was opened or closed: how many people it newly holds, or holds no longer."""

    case: str
    system: str
    open: bool
    people: int


def open_case(session: Session, *, case: str, system: str, emails: Sequence[EmailAddress], by: str) -> CaseState:
    """Hold advertising to these people from now on. The same case again adds only who is new to it.

    `system`: who keeps the case, such as the name of a token; `by`: who says so, for the audit log.
    """
    source, now = _source(case), clock.now()
    ids = ensure_addresses(session, emails)
    lock_addresses(session, list(ids.values()))
    held = set(session.scalars(text(_OPEN), {"source": source, "system": system}))
    evidence = {"kind": Cause.CASE_OPEN.value, "system": system, "by": by}
    wanted = [
        NewEntry(address_id, Cause.CASE_OPEN, now, source, evidence=evidence)
        for address_id in dict.fromkeys(ids.values())
        if address_id not in held
    ]
    added = add_many(session, wanted)
    _note(session, "suppression.open_case", source, system=system, by=by, people=added)
    return CaseState(case=source.removeprefix(SOURCE), system=system, open=True, people=added)


def close_case(session: Session, *, case: str, system: str | None, by: str) -> CaseState:
    """End the hold of a case. `system` must be the one that opened it; None, for people who may end any."""
    source = _source(case)
    rows = session.execute(text(_ENTRIES), {"source": source, "system": system}).all()
    if not rows:
        raise NotFound("case_unknown", say("There is no open case %(case)s.", case=repr(case)))
    lifts = [{"entry_id": row.id, "asked_by": source, "agreed_by": by, "reason": "the case was closed"} for row in rows]
    # Two who close the same case at once mean the same.
    store_lifts(session, lifts)
    found = system or ", ".join(sorted({str(row.system) for row in rows}))
    _note(session, "suppression.close_case", source, system=found, by=by, people=len(rows))
    return CaseState(case=source.removeprefix(SOURCE), system=found, open=False, people=len(rows))


def _source(case: str) -> str:
    name = case.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise WrongInput(
            "case_invalid",
            say("A case has a number of 1 to %(most)s printable characters.", most=LONGEST),
            where="case",
        )
    return SOURCE + name


_STILL_OPEN = """
    e.cause = 'case_open' AND e.source = :source
    AND (CAST(:system AS text) IS NULL OR e.evidence ->> 'system' = :system)
    AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id)
"""

_OPEN = f"SELECT e.address_id FROM suppression_entry AS e WHERE {_STILL_OPEN}"  # noqa: S608 - no text of a user in it

_ENTRIES = f"""
    SELECT e.id, e.evidence ->> 'system' AS system FROM suppression_entry AS e WHERE {_STILL_OPEN}
    ORDER BY e.id
"""  # noqa: S608 - no text of a user in it


def _note(session: Session, action: str, source: str, *, system: str, by: str, people: int) -> None:
    audit.record(
        session,
        actor=by,
        action=action,
        object_type="suppression_entry",
        object_id=source,
        system=system,
        people=people,
    )
