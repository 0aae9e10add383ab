"""D4: bringing a do-not-contact list into force, against a raw COPY of its records, sorted, into the same table.

Ours reads the file, sorts it, drops what stands there twice, compares it with the version in force, looks up our own
addresses and switches. COPY gets rows that are in order already. `--size 5000000` is the size of a large list.
"""

import tempfile
from hashlib import sha1
from pathlib import Path
from time import perf_counter

from sqlalchemy import text

from bench.result import Measured
from core.db import engine, transaction
from suppression import import_list

SIZE = 300_000
PEOPLE = 20_000
LIST = "at.ecg.file"

_PEOPLE = """
    INSERT INTO contact (country, kind, fields)
    SELECT 'AT', 'b2c', '{}' FROM generate_series(1, :size) AS n;

    INSERT INTO address (key, domain_key)
    SELECT sha256(CAST('a' || n AS bytea)), sha256(CAST('d' || n % 5000 AS bytea)) FROM generate_series(1, :size) AS n;

    INSERT INTO endpoint (contact_id, channel, address_id, value)
    SELECT n, 'email', n, 'reader' || n || '@domain' || n % 5000 || '.example' FROM generate_series(1, :size) AS n
"""


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers D4, in records a second. Every fiftieth of our people is on the list."""
    size = size or SIZE
    with transaction() as session:
        for statement in _PEOPLE.split(";"):
            session.execute(text(statement), {"size": PEOPLE})
    ours: list[float] = []
    copied: list[float] = []
    with tempfile.TemporaryDirectory(prefix="crusoe-bench-") as folder:
        file = Path(folder) / "list.hash"
        digests = _write(file, size)
        for _ in range(rounds):
            ours.append(size / _import(file, size))
            copied.append(size / _copy(digests))
    return [Measured("D4", ours=ours, yardstick=copied, unit="records/s", note=f"{size:,} records, {PEOPLE:,} people")]


def _write(path: Path, size: int) -> list[bytes]:
    """A list of `size` records in no order; answers them in order."""
    named = {sha1(f"reader{n}@domain{n % 5000}.example".encode()).digest() for n in range(50, PEOPLE, 50)}  # noqa: S324 - their format
    others = (sha1(b"%d" % number).digest() for number in range(size - len(named)))  # noqa: S324 - their format
    digests = [*named, *others]
    path.write_bytes(b"".join(sorted(digests, key=lambda digest: digest[7:])))
    return sorted(digests)


def _import(file: Path, size: int) -> float:
    _empty()
    begun = perf_counter()
    found = import_list(path=file, list_id=LIST, actor="bench")
    seconds = perf_counter() - begun
    assert found.records == size, found
    assert found.hits == (PEOPLE - 1) // 50, found
    return seconds


def _copy(digests: list[bytes]) -> float:
    _empty()
    head = b"\x00\x02" + (8).to_bytes(4, "big")
    with transaction() as session:
        version = session.scalar(
            text(
                "INSERT INTO list_version (list_id, state, published_at, records, sha256, fetched_by)"
                " VALUES ('bench', 'active', now(), 0, '', 'bench') RETURNING id"
            )
        )
    prefix = head + int(version or 0).to_bytes(8, "big") + (20).to_bytes(4, "big")
    rows = prefix + prefix.join(digests)
    begun = perf_counter()
    with transaction() as session:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        into = "COPY list_record (version_id, digest) FROM STDIN (FORMAT binary)"
        with driver.cursor() as cursor, cursor.copy(into) as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            copy.write(rows)
            copy.write(b"\xff\xff")
    return perf_counter() - begun


def _empty() -> None:
    """Both sides start without lists and with nothing left to write back."""
    with transaction() as session:
        session.execute(text("TRUNCATE list_version, list_record, list_hit, list_check, list_asked"))
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
