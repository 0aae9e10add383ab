"""D1: writing an audience down with a stored, sealed decision per recipient, against the bare INSERT of those rows."""

from time import perf_counter

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from bench.result import Measured
from contacts.models import Controller, Endpoint, TrackingLevel
from core.db import engine, transaction
from delivery.models import Run, Sender
from delivery.plan import plan
from delivery.states import RunKind, RunState

SIZE = 1_000_000

# The people of a company of that size: nearly all agreed, most of them lately; one in twenty objected; every fifth
# lives in Austria; two of five bought something.
PEOPLE = """
    INSERT INTO contact (country, kind, fields)
    SELECT CASE n % 5 WHEN 0 THEN 'AT' ELSE 'DE' END, 'b2c', '{}' FROM generate_series(1, :size) AS n;

    INSERT INTO address (key, domain_key)
    SELECT sha256(CAST('a' || n AS bytea)), sha256(CAST('d' || n % 5000 AS bytea)) FROM generate_series(1, :size) AS n;

    INSERT INTO endpoint (contact_id, channel, address_id, value)
    SELECT n, 'email', n, 'reader' || n || '@domain' || n % 5000 || '.example' FROM generate_series(1, :size) AS n;

    INSERT INTO consent (address_id, controller_id, channel, purpose, basis, requested_at, confirmed_at)
    SELECT n, :controller, 'email', 'newsletter', 'double_opt_in', now() - n % 900 * interval '1 day',
      CASE WHEN n % 33 <> 1 THEN now() - n % 700 * interval '1 day' END
    FROM generate_series(1, :size) AS n WHERE n % 100 >= 3;

    INSERT INTO purchase (number, contact_id, ordered_at, amount, objection_notice_shown)
    SELECT 'o' || n, n, now() - n % 1000 * interval '1 day', 10, n % 3 <> 0
    FROM generate_series(1, :size) AS n WHERE n % 5 < 2;

    INSERT INTO suppression_entry (address_id, channel, purpose, cause, at, source)
    SELECT n, 'email', 'newsletter', 'opted_out', now() - n % 300 * interval '1 day', 'bench'
    FROM generate_series(1, :size) AS n WHERE n % 20 = 7;

    INSERT INTO exposure (address_id, channel, purpose, basis, day, messages, last_at)
    SELECT n, 'email', 'newsletter', 'consent', current_date - 30, 1, now() - interval '30 days'
    FROM generate_series(1, :size) AS n WHERE n % 4 = 0
"""

# Two of a hundred are on the list.
_LISTED = """
    INSERT INTO list_version (list_id, state, published_at, activated_at, records, sha256, fetched_by, matched_up_to)
    SELECT 'at.ecg.file', 'active', now(), now(), 1, '', 'bench', max(id) FROM endpoint;

    INSERT INTO list_hit (address_id, version_id, by_domain)
    SELECT n, v.id, false FROM generate_series(1, :size) AS n, list_version AS v WHERE n % 50 = 10
"""

_BARE = """
    INSERT INTO message (run_id, address_id, contact_id, state, not_before, done_at)
    SELECT :run, address_id, contact_id, state, not_before, done_at FROM planned
"""


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers D1. Both sides end with the same rows in `message`, committed; ours with as many decisions, sealed."""
    many = size or SIZE
    sender_id = _fill(many)
    ours: list[float] = []
    bare: list[float] = []
    for _round in range(rounds):
        run_id = _run(sender_id)
        started = perf_counter()
        _plan(run_id)
        ours.append((perf_counter() - started) / many * 1e6)
        _check(run_id, many)
        bare.append(_insert_bare(_run(sender_id)) / many * 1e6)
    return [Measured("D1", ours=ours, yardstick=bare, unit="µs a row", note=f"{many:,} recipients")]


def _fill(size: int) -> int:
    with transaction() as session:
        controller = session.scalars(select(Controller.id)).first()
        for statement in f"{PEOPLE};{_LISTED}".split(";"):
            session.execute(text(statement), {"size": size, "controller": controller})
        sender = insert(Sender).values(
            code="bench",
            controller_id=controller,
            from_name="Bench",
            from_address="news@bench.example",
            return_domain="bench.example",
        )
        sender_id = session.scalars(sender.returning(Sender.id)).one()
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return sender_id


def _run(sender_id: int) -> int:
    """A new run in a ledger as empty as that of the other side."""
    with transaction() as session:
        # Decisions cannot be removed while their triggers are on; only a superuser can switch those off.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("TRUNCATE message, decision, decision_context CASCADE"))
        session.execute(text("DELETE FROM evidence_batch"))
        session.execute(text("SET LOCAL session_replication_role = origin"))
        run = Run(
            kind=RunKind.CAMPAIGN,
            name="bench",
            sender_id=sender_id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            content={},
            content_sha256=b"",
            state=RunState.OPEN,
        )
        session.add(run)
        session.flush()
        run_id = run.id
    _settle()
    return run_id


def _settle() -> None:
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))


def _plan(run_id: int) -> None:
    audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
    done = False
    while not done:
        with transaction() as session:
            done = plan(session, run_id=run_id, audience=audience).done


def _check(run_id: int, size: int) -> None:
    """The rows of both sides must be the same ones, or the ratio says nothing."""
    with transaction() as session:
        session.execute(text("DROP TABLE IF EXISTS planned"))
        session.execute(text("CREATE TABLE planned AS SELECT * FROM message WHERE run_id = :run"), {"run": run_id})
        assert _count(session, "SELECT count(*) FROM planned") == size
        assert _count(session, "SELECT count(*) FROM planned AS m JOIN decision AS d ON d.message_id = m.id") == size


def _count(session: Session, query: str) -> int:
    return int(session.scalar(text(query)) or 0)


def _insert_bare(run_id: int) -> float:
    started = perf_counter()
    with transaction() as session:
        session.execute(text(_BARE), {"run": run_id})
    return perf_counter() - started
