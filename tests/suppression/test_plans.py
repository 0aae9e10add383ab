"""How PostgreSQL reads the facts of a filled database: never the same table again for every recipient."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Select, event, select, text
from sqlalchemy.orm import Session

from contacts.models import Endpoint
from core.db import engine, transaction
from suppression import Question, RuleSettings, activate, assess
from suppression.rule_settings import Cap, RequiredList

PEOPLE = 20_000

FILL = """
    INSERT INTO contact (country, kind, fields)
    SELECT CASE n % 3 WHEN 0 THEN 'AT' ELSE 'DE' END, 'b2c', '{}' FROM generate_series(1, :people) AS n;
    INSERT INTO address (key, domain_key)
    SELECT sha256(CAST('a' || n AS bytea)), sha256(CAST('d' || n % 90 AS bytea)) FROM generate_series(1, :people) AS n;
    INSERT INTO endpoint (contact_id, channel, address_id, value)
    SELECT n, 'email', n, 'r' || n || '@d' || n % 90 || '.example' FROM generate_series(1, :people) AS n;
    INSERT INTO consent (address_id, controller_id, channel, purpose, basis, requested_at, confirmed_at)
    SELECT n, 1, 'email', 'newsletter', 'double_opt_in', now(), now() - n % 900 * interval '1 day'
    FROM generate_series(1, :people) AS n;
    INSERT INTO purchase (number, contact_id, ordered_at, amount, objection_notice_shown)
    SELECT 'o' || n, n, now() - n % 900 * interval '1 day', 1, true FROM generate_series(1, :people) AS n;
    INSERT INTO suppression_entry (address_id, cause, at, source)
    SELECT n, 'opted_out', now(), 'test' FROM generate_series(1, :people) AS n WHERE n % 10 = 0;
    INSERT INTO suppression_entry (domain_key, cause, at, source)
    SELECT sha256(CAST('d7' AS bytea)), 'internal_block', now(), 'test';
    INSERT INTO suppression_lift (entry_id, asked_by, agreed_by, reason)
    SELECT id, 'a', 'b', 'c' FROM suppression_entry WHERE id % 7 = 0;
    INSERT INTO exposure (address_id, channel, purpose, basis, day, messages, last_at)
    SELECT n, 'email', 'newsletter', 'consent', current_date - 3, 1, now() FROM generate_series(1, :people) AS n;
    INSERT INTO recipient_choice (address_id, most_per_month, paused_until)
    SELECT n, 4, now() FROM generate_series(1, :people) AS n WHERE n % 4 = 0;
    INSERT INTO list_version (list_id, state, published_at, records, sha256, fetched_by, matched_up_to)
    SELECT 'at.ecg.file', 'active', now(), 1, '', 'test', 1000000;
    INSERT INTO list_hit (address_id, version_id, by_domain)
    SELECT n, v.id, false FROM generate_series(1, :people) AS n, list_version AS v WHERE n % 50 = 0;
    INSERT INTO list_record (version_id, digest)
    SELECT v.id, sha256(CAST('x' || n AS bytea)) FROM generate_series(1, :people) AS n, list_version AS v
"""


@pytest.fixture
def plans(database: str) -> Iterator[list[dict[str, Any]]]:
    """A filled database, and the plans of all statements that gather facts while the test runs."""
    with transaction() as session:
        for statement in FILL.split(";"):
            session.execute(text(statement), {"people": PEOPLE})
        caps = (Cap(messages=9, days=7), Cap(messages=3, days=30, purpose="newsletter"))
        lists = (RequiredList(list_id="at.ecg.file", countries=("AT",)),)
        activate(session, RuleSettings(caps=caps, required_lists=lists), actor="test")
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    found: list[dict[str, Any]] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if " SELECT " in statement and not isinstance(parameters, list):
            with cursor.connection.cursor() as other:
                plan = other.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()[0]
            found.append((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])

    event.listen(engine(), "before_cursor_execute", explain)
    yield found
    event.remove(engine(), "before_cursor_execute", explain)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def walks(plan: dict[str, Any]) -> list[str]:
    """The tables that a nested loop would read from end to end for each of many rows."""
    found = []
    for node in nodes(plan):
        if node["Node Type"] != "Nested Loop":
            continue
        outer, inner = node["Plans"]
        if outer["Plan Rows"] < 10:
            continue
        found += [
            below["Relation Name"]
            for below in nodes(inner)
            if below["Node Type"] == "Seq Scan" and below["Plan Rows"] > 100
        ]
    return found


def audience(size: int) -> Select[Any]:
    return select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id).where(
        Endpoint.id.between(1_000, 999 + size)
    )


def test_no_table_is_walked_through_once_per_recipient(plans: list[dict[str, Any]]) -> None:
    question = Question("email", "newsletter", 1)
    for size, at_gate in product([500, 5_000, PEOPLE], [False, True]):
        plans.clear()
        with Session(engine()) as session:
            found = assess(session, audience=audience(size), question=question, recheck_lists=at_gate)
            assert found.counts()["audience"] == min(size, PEOPLE - 999)
        assert len(plans) >= 4
        assert [walk for plan in plans for walk in walks(plan)] == [], (size, at_gate)


def test_a_chunk_does_not_read_whole_tables(plans: list[dict[str, Any]]) -> None:
    big = {"contact", "consent", "purchase", "endpoint", "address", "list_hit", "suppression_entry"}
    for size in (500, 2_000):
        plans.clear()
        with Session(engine()) as session:
            assess(session, audience=audience(size), question=Question("email", "newsletter", 1))
        scanned = {
            node.get("Relation Name")
            for plan in plans
            for node in nodes(plan)
            if node["Node Type"] == "Seq Scan" and node["Plan Rows"] > 1_000
        }
        assert plans
        assert not scanned & big, size
