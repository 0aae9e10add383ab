"""Verdicts over stored hits, a batch at a time: read a set, judge it in memory, write a set."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tracking.links import link_counts
from tracking.models import EventKind
from tracking.verdict import BURST, Hit, Judgement, judge

BATCH = 5_000

# A new click can change what its neighbours are, and what they are depends on their neighbours in turn: hence twice the
# length of a burst. One range a message, so that thousands of hits on one link stay thousands of rows.
_NEIGHBOURS = """
    WITH unjudged AS (
        SELECT id, message_id, at FROM event
        WHERE verdict IS NULL AND kind IN ('open', 'click') ORDER BY id LIMIT :batch
    ), range AS (
        SELECT message_id, min(at) - 2 * :burst AS since, max(at) + 2 * :burst AS until
        FROM unjudged WHERE message_id IS NOT NULL GROUP BY message_id
    ), wanted AS (
        SELECT id, true AS fresh FROM unjudged
        UNION ALL
        SELECT e.id, false FROM range AS r
        JOIN event AS e ON e.message_id = r.message_id AND e.kind = 'click' AND e.at BETWEEN r.since AND r.until
    )
    SELECT e.id, e.kind, e.at, e.run_id, e.message_id, e.link_id, e.sent_at, e.method, e.prefetch, e.user_agent,
           e.verdict, e.verdict_reason, bool_or(w.fresh) AS fresh
    FROM wanted AS w JOIN event AS e ON e.id = w.id GROUP BY e.id ORDER BY e.id
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """`hits` got a verdict for the first time; of `changed` messages an earlier verdict turned."""

    hits: int
    changed: int
    more: bool


def judge_new(session: Session, *, batch: int = BATCH) -> Judged:
    """Judge hits that have no verdict yet, and those before them that they throw a new light on."""
    rows = session.execute(text(_NEIGHBOURS), {"batch": batch, "burst": BURST}).all()
    fresh = sum(row.fresh for row in rows)
    if not fresh:
        return Judged(hits=0, changed=0, more=False)
    turned = [
        (row, judgement)
        for row, judgement in _verdicts(session, rows)
        if (row.verdict, row.verdict_reason) != (judgement.verdict, judgement.reason)
    ]
    session.execute(
        text(
            "UPDATE event AS e SET verdict = j.verdict::hit_verdict, verdict_reason = j.reason"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:verdicts AS text[]), CAST(:reasons AS text[]))"
            " AS j(id, verdict, reason) WHERE e.id = j.id"
        ),
        {
            "ids": [row.id for row, _ in turned],
            "verdicts": [judgement.verdict.value for _, judgement in turned],
            "reasons": [judgement.reason for _, judgement in turned],
        },
    )
    changed = {row.message_id for row, _ in turned if row.verdict is not None}
    return Judged(hits=fresh, changed=len(changed), more=fresh >= batch)


def _verdicts(session: Session, rows: Sequence[Any]) -> list[tuple[Any, Judgement]]:
    """A judgement for every fresh row and for the clicks close enough to one to be touched by it."""
    links = link_counts(session, sorted({row.run_id for row in rows if row.run_id}))
    messages: dict[int | None, list[Any]] = defaultdict(list)
    for row in rows:
        messages[row.message_id].append(row)
    verdicts: list[tuple[Any, Judgement]] = []
    for hits in messages.values():
        moments = [row.at for row in hits if row.fresh]
        since, until = min(moments) - BURST, max(moments) + BURST
        judgements = judge([_hit(row) for row in hits], links=links.get(hits[0].run_id, 0))
        verdicts += [pair for pair in zip(hits, judgements, strict=True) if since <= pair[0].at <= until]
    return verdicts


def _hit(row: Any) -> Hit:
    return Hit(
        kind=EventKind(row.kind),
        at=row.at,
        method=row.method or "",
        user_agent=row.user_agent or "",
        prefetch=row.prefetch,
        sent_at=row.sent_at,
        link_id=row.link_id,
    )


def rejudge(session: Session) -> int:
    """Judge every personal hit anew, for when the rules have changed. Answers how many verdicts there are now.

    Aggregate hits keep their verdict: what it was made from was never stored.
    """
    session.execute(
        text(
            "UPDATE event SET verdict = NULL, verdict_reason = NULL"
            " WHERE kind IN ('open', 'click') AND message_id IS NOT NULL"
        )
    )
    total = 0
    while (judged := judge_new(session)).hits:
        total += judged.hits
    return total
