"""D2: who is in a segment, asked through its definition, against the same question written in SQL by hand."""

from collections.abc import Callable
from time import perf_counter

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from bench.result import Measured
from core.clock import now
from core.db import engine, transaction
from segments import parse, save
from segments.service import members

SIZE = 300_000

# Every second person agreed, every fifth bought, every third clicked; attributes as a bank would have them.
_FILL = """
    INSERT INTO field_definition (name, label, type)
    VALUES ('age', 'Age', 'integer'), ('balance_eur', 'Balance', 'integer'), ('job', 'Job', 'text'),
      ('marital', 'Marital', 'text'), ('housing_loan', 'Housing loan', 'boolean');

    INSERT INTO controller (code, name, imprint, country) VALUES ('segments', 'Bank', 'Bank, Vienna', 'AT');

    INSERT INTO contact (country, kind, fields)
    SELECT (ARRAY['AT', 'DE', 'CH'])[1 + n % 3], 'b2c', jsonb_build_object(
      'age', 18 + n * 7 % 70,
      'balance_eur', n * 13 % 5000 - 500,
      'job', (ARRAY['student', 'management', 'technician', 'retired', 'unknown', 'services'])[1 + n % 6],
      'marital', (ARRAY['single', 'married'])[1 + n % 2],
      'housing_loan', n % 5 < 2)
    FROM generate_series(1, :size) AS n;

    INSERT INTO address (key, domain_key)
    SELECT sha256(CAST('a' || n AS bytea)), sha256(CAST('d' || n % 5000 AS bytea)) FROM generate_series(1, :size) AS n;

    INSERT INTO endpoint (contact_id, channel, address_id, value)
    SELECT n, 'email', n, 'reader' || n || '@domain' || n % 5000 || '.example' FROM generate_series(1, :size) AS n;

    INSERT INTO consent (address_id, controller_id, channel, purpose, basis, requested_at, confirmed_at)
    SELECT n, (SELECT id FROM controller WHERE code = 'segments'), 'email', 'newsletter',
      'double_opt_in', now() - n % 900 * interval '1 day', now()
    FROM generate_series(1, :size) AS n WHERE n % 2 = 0;

    INSERT INTO purchase (number, contact_id, ordered_at, amount, objection_notice_shown)
    SELECT 'o' || n, 1 + n % (:size / 5), now() - n % 1000 * interval '1 day', n % 300, true
    FROM generate_series(1, :size) AS n;

    INSERT INTO event (at, kind, run_id, message_id, address_id, verdict)
    SELECT now() - n % 200 * interval '1 day', 'click', n % 7, n, 1 + n % (:size / 3), 'human'
    FROM generate_series(1, :size) AS n
"""

_QUESTIONS = {
    "fields": (
        {
            "all": [
                {"field": "age", "gte": 30},
                {"field": "balance_eur", "gt": 500},
                {"field": "job", "not_in": ["student", "unknown"]},
                {"field": "housing_loan", "is": False},
            ]
        },
        """
        SELECT count(*) FROM contact
        WHERE (fields ->> 'age')::int >= 30 AND (fields ->> 'balance_eur')::int > 500
          AND fields ->> 'job' NOT IN ('student', 'unknown') AND NOT (fields ->> 'housing_loan')::boolean
        """,
    ),
    "behaviour": (
        {
            "all": [
                {"field": "country", "in": ["AT", "CH"]},
                {"consent": {"state": "confirmed"}},
                {"purchases": {"sum": {"gte": 100}, "within_days": 365}},
                {"not": {"clicked": {"within_days": 30}}},
            ]
        },
        """
        SELECT count(*) FROM contact AS c
        JOIN endpoint AS e ON e.contact_id = c.id AND e.channel = 'email'
        JOIN consent AS a ON a.address_id = e.address_id AND a.channel = 'email' AND a.purpose = 'newsletter'
        JOIN (
          SELECT contact_id FROM purchase WHERE ordered_at >= :now - interval '365 days' AND currency = 'EUR'
          GROUP BY contact_id HAVING sum(amount) >= 100
        ) AS p ON p.contact_id = c.id
        WHERE c.country IN ('AT', 'CH')
          AND a.confirmed_at IS NOT NULL AND (a.withdrawn_at IS NULL OR a.withdrawn_at < a.confirmed_at)
          AND NOT EXISTS (
            SELECT FROM event AS v WHERE v.address_id = e.address_id AND v.kind = 'click' AND v.verdict = 'human'
              AND v.at >= :now - interval '30 days'
          )
        """,
    ),
}


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers D2: seconds for both questions together, from the stored definition to the number."""
    with engine().begin() as connection:
        for statement in _FILL.split(";"):
            connection.execute(text(statement), {"size": size or SIZE})
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    with transaction() as session:
        for code, (data, _) in _QUESTIONS.items():
            save(session, code=code, name=code, definition=parse(data), actor="bench")
    with transaction() as session:
        # Once unmeasured, so that both sides find the tables in memory.
        found = [(_compiled(session, code), _by_hand(session, code)) for code in _QUESTIONS]
        assert all(ours == theirs for ours, theirs in found), found
        assert all(ours for ours, _ in found), found
        pairs = [(_seconds(session, _compiled), _seconds(session, _by_hand)) for _ in range(rounds)]
    return [Measured("D2", [ours for ours, _ in pairs], [theirs for _, theirs in pairs], unit="s")]


def _seconds(session: Session, ask: Callable[[Session, str], int]) -> float:
    start = perf_counter()
    for code in _QUESTIONS:
        ask(session, code)
    return perf_counter() - start


def _compiled(session: Session, code: str) -> int:
    return session.scalar(select(func.count()).select_from(members(session, code).subquery())) or 0


def _by_hand(session: Session, code: str) -> int:
    return session.scalar(text(_QUESTIONS[code][1]), {"now": now()}) or 0
