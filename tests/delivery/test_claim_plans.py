"""Taking work costs the same however many messages a run has: the ledger is never walked through for it."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event, text

from core.db import engine, transaction
from delivery.claim import Claim, claim
from tests.delivery.pace.sending import campaign_to

PEOPLE = 20_000

# The first tenth is done with: a look from the beginning would go through all of that, for each batch again.
LEDGER = """
    INSERT INTO message (run_id, address_id, state, not_before)
    SELECT :run, 1000000 + n, (CASE WHEN n > :people / 10 THEN 'ready' ELSE 'blocked' END)::message_state,
           clock_timestamp()
    FROM generate_series(1, :people) AS n
"""


def tables_read_from_end_to_end(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for child in plan.get("Plans", ()):
        yield from tables_read_from_end_to_end(child)


def test_no_claim_walks_through_the_ledger(database):
    run_id = campaign_to({"shop.example": 1})
    with transaction() as session:
        session.execute(text(LEDGER), {"run": run_id, "people": PEOPLE})
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE message"))
    walked: dict[str, list[str]] = {}

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "message" in statement:
            with cursor.connection.cursor() as other:
                plan = other.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()[0]
            found = plan if isinstance(plan, list) else json.loads(plan)
            walked[statement] = list(tables_read_from_end_to_end(found[0]["Plan"]))

    event.listen(engine(), "before_cursor_execute", explain)
    try:
        with transaction() as session:
            taken = claim(session, most=100)
    finally:
        event.remove(engine(), "before_cursor_execute", explain)
    assert isinstance(taken, Claim)
    assert len(walked) >= 2
    assert all("message" not in tables for tables in walked.values())
