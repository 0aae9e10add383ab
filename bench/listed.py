"""D5: deciding about an audience with a large do-not-contact list in force, against the same answer by hand in SQL.

The list has five times as many entries as there are people; `--size 1000000` is a list of five million. By hand means
one SELECT over the same tables that knows the rules of this company only, with anti-joins against objections and
against the list itself, whose digests of our people are kept ready for it. Both must come to the same numbers.
"""

import resource
import tempfile
from hashlib import sha1
from pathlib import Path
from time import perf_counter

from sqlalchemy import select, text

from bench.decisions import PEOPLE
from bench.result import Measured
from contacts.models import Controller, Endpoint
from core import clock
from core.db import engine, transaction
from suppression import Question, RuleSettings, activate, assess, import_list
from suppression.rule_settings import RequiredList, months_before

SIZE = 100_000
ENTRIES_A_PERSON = 5
LIST = "at.ecg.file"
RULES = RuleSettings(required_lists=(RequiredList(list_id=LIST, countries=("AT",), max_age_days=30),))

# What a hand that knows this company would write: consents of any age, customers, objections, one list.
_BY_HAND = """
    SELECT verdict, count(*) FROM (
      SELECT CASE
        WHEN objected THEN 'block'
        WHEN NOT fresh AND NOT customer AND (used < :lapsed OR used IS NULL) THEN 'block'
        WHEN NOT fresh AND NOT customer THEN 'hold'
        WHEN listed AND NOT fresh THEN 'block'
        WHEN listed THEN 'hold'
        ELSE 'send' END AS verdict
      FROM (
        SELECT o.at > coalesce(k.confirmed_at, '-infinity') IS TRUE AS objected,
          greatest(k.confirmed_at, CASE WHEN k.confirmed_at IS NOT NULL THEN x.last_at END) AS used,
          coalesce(greatest(k.confirmed_at, CASE WHEN k.confirmed_at IS NOT NULL THEN x.last_at END) > :stale, false)
            AS fresh,
          o.at IS NULL AND EXISTS (SELECT 1 FROM purchase AS p WHERE p.contact_id = c.id AND p.objection_notice_shown
            AND p.ordered_at BETWEEN :customer AND :now) AS customer,
          c.country = 'AT' AND (own.digest IS NOT NULL OR domain.digest IS NOT NULL) AS listed
        FROM endpoint AS e JOIN contact AS c ON c.id = e.contact_id
        LEFT JOIN consent AS k ON k.address_id = e.address_id AND k.controller_id = :controller
          AND k.channel = 'email' AND k.purpose = 'newsletter'
        LEFT JOIN (SELECT address_id, max(at) AS at FROM suppression_entry
          WHERE channel = 'email' AND purpose = 'newsletter' GROUP BY address_id) AS o ON o.address_id = e.address_id
        LEFT JOIN (SELECT address_id, max(last_at) AS last_at FROM exposure
          WHERE channel = 'email' AND purpose = 'newsletter' AND basis = 'consent' GROUP BY address_id) AS x
          ON x.address_id = e.address_id
        JOIN bench_digest AS d ON d.address_id = e.address_id
        LEFT JOIN list_record AS own ON own.version_id = :version AND own.digest = d.own
        LEFT JOIN list_record AS domain ON domain.version_id = :version AND domain.digest = d.domain
        WHERE e.channel = 'email'
      ) AS facts
    ) AS decided GROUP BY verdict
"""


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers D5, in recipients a second turned round: seconds for all of them."""
    people = size or SIZE
    controller = _fill(people)
    before = _peak()
    seconds, version = _import_list(people)
    note = f"{people:,} people; {people * ENTRIES_A_PERSON:,} entries in force after {seconds:.0f} s"
    note += f", the importer grew by {_peak() - before} MB to {_peak()} MB"
    ours: list[float] = []
    by_hand: list[float] = []
    for _round in range(rounds):
        mine, seconds = _decide(controller)
        ours.append(seconds)
        theirs, seconds = _by_hand(controller, version)
        by_hand.append(seconds)
        assert mine == theirs, (mine, theirs)
    return [Measured("D5", ours=ours, yardstick=by_hand, unit="s", note=f"{note}, {_peak()} MB after deciding")]


def _peak() -> int:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _fill(size: int) -> int:
    with transaction() as session:
        controller = session.scalars(select(Controller.id)).one()
        for statement in PEOPLE.split(";"):
            session.execute(text(statement), {"size": size, "controller": controller})
        activate(session, RULES, actor="bench")
        session.execute(text("CREATE TABLE bench_digest (address_id bigint PRIMARY KEY, own bytea, domain bytea)"))
        driver = session.connection().connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy("COPY bench_digest FROM STDIN") as copy:
            for n in range(1, size + 1):
                copy.write_row(
                    (n, _digest(f"reader{n}@domain{n % 5000}.example"), _digest(f"@domain{n % 5000}.example"))
                )
    _vacuum()
    return controller


def _digest(words: str) -> bytes:
    return sha1(words.encode()).digest()  # noqa: S324 - the format of the list


def _import_list(people: int) -> tuple[float, int]:
    """Every fiftieth of our people and two of our domains are on the list."""
    named = {_digest(f"reader{n}@domain{n % 5000}.example") for n in range(50, people, 50)}
    named |= {_digest(f"@domain{n}.example") for n in (7, 77)}
    with tempfile.TemporaryDirectory(prefix="crusoe-bench-") as folder:
        file = Path(folder) / "list.hash"
        with file.open("wb") as written:
            written.write(b"".join(named))
            for number in range(people * ENTRIES_A_PERSON - len(named)):
                written.write(_digest(str(number)))
        begun = perf_counter()
        found = import_list(path=file, list_id=LIST, actor="bench")
        seconds = perf_counter() - begun
    _vacuum()
    return seconds, found.version


def _vacuum() -> None:
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _decide(controller: int) -> tuple[dict[str, int], float]:
    audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
    question = Question(channel="email", purpose="newsletter", controller_id=controller)
    begun = perf_counter()
    with transaction() as session:
        counts = assess(session, audience=audience, question=question).counts()
    seconds = perf_counter() - begun
    return {verdict: counts[verdict] for verdict in ("send", "hold", "block") if counts[verdict]}, seconds


def _by_hand(controller: int, version: int) -> tuple[dict[str, int], float]:
    now = clock.now()
    values = {
        "now": now,
        "controller": controller,
        "version": version,
        "stale": months_before(now, RULES.stale_after_months),
        "lapsed": months_before(now, RULES.lapsed_after_months),
        "customer": months_before(now, RULES.customer_months),
    }
    begun = perf_counter()
    with transaction() as session:
        counted = session.execute(text(_BY_HAND), values).all()
    seconds = perf_counter() - begun
    return {str(row[0]): row[1] for row in counted}, seconds
