"""A batch costs what its own messages cost, whatever the database believes of the ledger."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, text

from core.db import engine, transaction
from tests.delivery.pace.sending import campaign_to
from tests.delivery.sending import rows, worker
from tests.smtp_sink import on, say

BATCH = 300
LEDGER = """
    INSERT INTO message (run_id, address_id, state) SELECT :run, 1000000 + n, 'blocked' FROM generate_series(1, 20000) n
"""

Plan = dict[str, Any]


@contextmanager
def changes_of_the_ledger() -> Iterator[list[str]]:
    """The statements that are said meanwhile, with numbers for their parameters."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.match(r"\s*UPDATE message .*unnest", statement, re.DOTALL):
            names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
            said.append(re.sub(r"%\((\w+)\)s", lambda name: f"${names.index(name[1]) + 1}", statement))

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def ways_to_messages(plan: Plan) -> Iterator[str]:
    """By which index the ledger is read, or that it is read from end to end."""
    if plan.get("Relation Name") == "message" and plan["Node Type"] != "ModifyTable":
        yield plan.get("Index Name", plan["Node Type"])
    for part in plan.get("Plans", ()):
        yield from ways_to_messages(part)


def ordinary_plan(connection: Connection, statement: str) -> Plan:
    """What a worker's connection keeps for a statement that it has said a few times: made without its values."""
    return connection.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statement}").scalar_one()[0]["Plan"]


def test_every_step_of_a_batch_looks_its_messages_up_by_their_ids(listen):
    """Statistics are of a moment when nothing was claimed. A plan that believes them begins with what is, and reads the
    whole batch again for each message of it: a second for two thousand."""
    listen(on("RCPT", say(550, "5.1.1 no such user"), times=1))
    run_id = campaign_to({"shop.example": BATCH})
    with transaction() as session:
        session.execute(text(LEDGER), {"run": run_id})
    everything = worker()
    everything.size = BATCH
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE message"))
        with changes_of_the_ledger() as said:
            everything.run()
        ways = [list(ways_to_messages(ordinary_plan(connection, statement))) for statement in said]
    assert rows("SELECT count(*) AS many FROM message WHERE state = 'sent'")[0].many == BATCH - 1
    assert ways == [["pk_message"]] * 3
