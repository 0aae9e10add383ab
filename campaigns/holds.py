"""Messages that wait for a person: which, why, and what would happen if compliance let them pass."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns import reading
from campaigns.models import Campaign
from core.errors import NotFound
from core.sentences import say
from suppression import RELEASABLE

MOST_SAMPLES = 10


@dataclass(frozen=True)
class Hold:
    """One reason for which messages of a campaign wait.

    `messages`: how many it holds, alone or with others; `would_go`: how many would be ready if it were released now.
    `releasable`: whether it is for us to release; a pause is the recipient's, and an open case ends with the case.
    """

    campaign: str
    name: str
    state: str
    code: str
    messages: int
    would_go: int
    releasable: bool
    released: bool


@dataclass(frozen=True)
class Consequence:
    """What releasing one hold would do. `still_held`: reason → messages that it would not free.

    `bases`: ground → messages, of those that would go; `samples`: contact and name of some of them.
    """

    hold: Hold
    still_held: dict[str, int]
    bases: dict[str, int]
    samples: list[tuple[int, str]]


def holds(session: Session, *, campaign: Campaign | None = None) -> list[Hold]:
    """Every hold of every campaign that has any, or of one; the latest campaign first. Two queries."""
    return [
        Hold(
            campaign=row.code,
            name=row.name,
            state=row.state,
            code=code,
            messages=sum(people for reasons, _, people in row.groups if code in _holding(reasons)),
            would_go=sum(people for reasons, _, people in row.groups if _freed(reasons, frozenset(row.released), code)),
            releasable=code in RELEASABLE,
            released=code in row.released,
        )
        for row in _situations(session, campaign)
        for code in sorted({code for reasons, _, _ in row.groups for code in _holding(reasons)})
    ]


def consequence(session: Session, *, campaign: Campaign, code: str) -> Consequence:
    """What would happen if this hold were released; nothing is changed. A hold that holds nobody is `NotFound`."""
    hold = next((one for one in holds(session, campaign=campaign) if one.code == code), None)
    if hold is None:
        raise NotFound(
            "hold_unknown",
            say("Campaign %(campaign)s has no messages held for %(code)s.", campaign=campaign.code, code=repr(code)),
            say("See `crusoe hold list`."),
        )
    (row,) = _situations(session, campaign)
    passed = frozenset(row.released)
    still, bases = Counter[str](), Counter[str]()
    freed = []
    for reasons, basis, people in row.groups:
        if _freed(reasons, passed, code):
            freed.append(list(reasons))
            bases[basis or "no_basis"] += people
        elif code in _holding(reasons):
            for other in _holding(reasons) - passed - {code}:
                still[other] += people
    contacts = _some(session, run_id=campaign.run_id, reasons=freed)
    named = reading.named_samples(session, {code: contacts})[code]
    return Consequence(hold=hold, still_held=dict(still), bases=dict(bases), samples=named)


def _holding(reasons: tuple[str, ...]) -> set[str]:
    """The reasons that hold; those that were released already stand beside them with a mark."""
    return {code for code in reasons if ":" not in code}


def _freed(reasons: tuple[str, ...], passed: frozenset[str], code: str) -> bool:
    return code in RELEASABLE and code in _holding(reasons) and _holding(reasons) <= passed | {code}


@dataclass(frozen=True)
class _Situations:
    """A campaign and the groups of its held messages: reasons, basis, how many."""

    code: str
    name: str
    state: str
    released: tuple[str, ...]
    groups: list[tuple[tuple[str, ...], str | None, int]]


# The newest decision about a message counts, as it does when the hold is released.
_NEWEST = """
    SELECT DISTINCT ON (d.message_id) d.message_id, d.reasons, d.basis, held.run_id, held.contact_id
    FROM message AS held JOIN decision AS d ON d.message_id = held.id
    WHERE held.run_id = ANY (:runs) AND held.state = 'held' ORDER BY d.message_id, d.id DESC
"""

_GROUPS = f"""
    SELECT run_id, reasons, basis, count(*) AS people FROM ({_NEWEST}) AS newest GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC
"""  # noqa: S608 - no text of a user in it

_SOME = f"""
    SELECT contact_id FROM ({_NEWEST}) AS newest
    WHERE contact_id IS NOT NULL
      AND to_jsonb(reasons) IN (SELECT value FROM jsonb_array_elements(CAST(:wanted AS jsonb)))
    LIMIT :most
"""  # noqa: S608 - no text of a user in it

_RUNS = """
    SELECT c.code, c.name, c.state, c.run_id, r.released FROM campaign AS c JOIN run AS r ON r.id = c.run_id
    WHERE (CAST(:campaign AS bigint) IS NULL OR c.id = :campaign) AND c.state <> 'cancelled'
    ORDER BY c.id DESC
"""


def _situations(session: Session, campaign: Campaign | None) -> list[_Situations]:
    runs = session.execute(text(_RUNS), {"campaign": campaign.id if campaign else None}).all()
    groups: dict[int, list[Any]] = {}
    for row in session.execute(text(_GROUPS), {"runs": [run.run_id for run in runs]}):
        groups.setdefault(row.run_id, []).append((tuple(row.reasons), row.basis, row.people))
    return [
        _Situations(run.code, run.name, run.state, tuple(run.released), groups[run.run_id])
        for run in runs
        if run.run_id in groups
    ]


def _some(session: Session, *, run_id: int | None, reasons: list[list[str]]) -> list[int]:
    values = {"runs": [run_id], "wanted": json.dumps(reasons), "most": MOST_SAMPLES}
    return list(session.scalars(text(_SOME), values)) if reasons else []
