"""Messages whose worker died before it began them: tried again, ever more carefully, and given up in the end.

One mail among a thousand may be what kills workers. Those that were on board twice when one died travel last and in
small groups, then alone, so that it is the guilty one that is given up, and nobody with it.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

CHUNK = 20_000
MOST_LEASES = 5
# Leases that were lost so far, at most → how many may travel together; no limit for the first.
COMPANY: dict[int, int | None] = {1: None, 2: 20, MOST_LEASES: 1}

_COUNT = f"""
    UPDATE message SET leases_lost = leases_lost + 1, token = NULL, lease_until = NULL,
           state = (CASE WHEN leases_lost + 1 >= {MOST_LEASES} THEN 'failed' ELSE 'ready' END)::message_state,
           done_at = CASE WHEN leases_lost + 1 >= {MOST_LEASES} THEN clock_timestamp() END,
           reply_text = CASE WHEN leases_lost + 1 >= {MOST_LEASES} THEN 'its worker died {MOST_LEASES} times' END
"""  # noqa: S608 - numbers of ours

_CLAIMED = f"""
    {_COUNT}
    WHERE id IN (
        SELECT id FROM message WHERE state = 'claimed' AND lease_until < clock_timestamp()
        ORDER BY id LIMIT {CHUNK} FOR UPDATE SKIP LOCKED
    ) AND state = 'claimed' AND lease_until < clock_timestamp()
"""  # noqa: S608 - numbers of ours

_NOT_BEGUN = f"{_COUNT} WHERE id = ANY (:ids) AND state IN ('handing_over', 'ready')"


def take_back_claimed(session: Session) -> int:
    """Make messages ready again whose worker died before the gate; answers how many, at most a chunk."""
    return int(session.execute(text(_CLAIMED)).rowcount)  # type: ignore[attr-defined]


def count_not_begun(session: Session, message_ids: Sequence[int]) -> None:
    """Make messages ready again that passed the gate and were certainly never begun."""
    if message_ids:
        session.execute(text(_NOT_BEGUN), {"ids": list(message_ids)})
