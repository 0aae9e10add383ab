"""Scores kept up to date and turned into leads: the verbs behind the jobs and the commands."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from core import clock
from core.db import transaction
from core.errors import WrongInput
from core.sentences import say
from lead_handover.handing import escalate, hand_over
from lead_handover.rescoring import in_force, mark_all, mark_faded, rescore, take_dirty, waiting

# Points fade slowly; a day is fine enough for people to look at, and nobody is handed over for getting older.
FADED_AFTER = timedelta(days=1)
FADED_BATCH = 2_000


@dataclass(frozen=True)
class Round:
    """What one batch did."""

    rescored: int
    handed_over: int
    more: bool


def score_due() -> Round:
    """Rescore a batch of people about whom something new is known, and hand over who is over the threshold.

    Without score rules nothing is taken off the list, so that the first rules find everything that happened before.
    """
    with transaction() as session:
        current = in_force(session)
        if current is None:
            return Round(rescored=0, handed_over=0, more=False)
        # One batch at a time, or one that read less could overwrite what another knows.
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('lead_handover.score'))"))
        now = clock.now()
        contact_ids, more = take_dirty(session)
        scored = rescore(session, contact_ids, current=current, now=now) if contact_ids else []
        return Round(len(scored), len(hand_over(session, scored, current=current, now=now)), more)


def rebuild() -> dict[str, Any]:
    """Compute every score anew from the events, batch by batch: `rescored`, `handed_over`, `rules_version`."""
    with transaction() as session:
        current = in_force(session)
        if current is None:
            raise WrongInput(
                "score_rules_missing", say("There are no score rules."), say("Apply a folder that has some.")
            )
        mark_all(session)
    rescored = handed_over = 0
    more = True
    while more:
        done = score_due()
        rescored, handed_over = rescored + done.rescored, handed_over + done.handed_over
        with transaction() as session:
            more = waiting(session) > 0
    return {"rescored": rescored, "handed_over": handed_over, "rules_version": current.version}


def fade() -> bool:
    """Have scores that are a day old computed again. Answers whether more are waiting."""
    with transaction() as session:
        return mark_faded(session, before=clock.now() - FADED_AFTER, most=FADED_BATCH)


def escalate_overdue() -> bool:
    """Tell about leads that nobody answered in time."""
    with transaction() as session:
        current = in_force(session)
        escalate(session, rules=current.rules if current else None, now=clock.now())
    return False
