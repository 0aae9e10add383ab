"""The records of a version in the database: stored in bulk, counted, compared, taken away."""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session


def store(
    session: Session,
    *,
    version_id: int,
    size: int,
    blocks: Iterable[list[bytes]],
    base: int | None,
    dropped: Sequence[bytes],
    told: Callable[[int], None],
) -> int:
    """Store the digests of a version, each once; with those of the version `base`, and without `dropped`.

    Answers how many there are. `told` is called with the number of records read so far.
    """
    session.execute(text("CREATE TEMP TABLE list_intake (digest bytea) ON COMMIT DROP"))
    _copy(session, size=size, blocks=blocks, told=told)
    if base is not None:
        session.execute(
            text(
                "INSERT INTO list_intake SELECT digest FROM list_record"
                " WHERE version_id = :base AND NOT digest = ANY (:dropped)"
            ),
            {"base": base, "dropped": list(dropped)},
        )
    # In order and each once: an index that grows at its end only is filled four times as fast.
    # Sorted once and then made single, instead of being collected first and sorted afterwards.
    session.execute(text("SET LOCAL work_mem = '128MB'; SET LOCAL enable_hashagg = off"))
    stored = session.execute(
        text(
            "INSERT INTO list_record (version_id, digest)"
            " SELECT :version, digest FROM list_intake GROUP BY digest ORDER BY digest"
        ),
        {"version": version_id},
    )
    session.execute(text("SET LOCAL enable_hashagg = DEFAULT; DROP TABLE list_intake"))
    return int(stored.rowcount)  # type: ignore[attr-defined]


def _copy(session: Session, *, size: int, blocks: Iterable[list[bytes]], told: Callable[[int], None]) -> None:
    driver = session.connection().connection.driver_connection
    if driver is None:
        raise RuntimeError("the session has no connection")
    # The row of a binary COPY: one field, its length, the digest. Made by joining, not by a call per record.
    head = b"\x00\x01" + size.to_bytes(4, "big")
    many = 0
    with driver.cursor() as cursor, cursor.copy("COPY list_intake (digest) FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for block in blocks:
            copy.write(head + head.join(block))
            many += len(block)
            told(many)
        copy.write(b"\xff\xff")


def count_named(session: Session, *, version_id: int, digests: Sequence[bytes]) -> int:
    """How many of these digests a version has."""
    return int(
        session.scalar(
            text("SELECT count(*) FROM list_record WHERE version_id = :version AND digest = ANY (:digests)"),
            {"version": version_id, "digests": list(digests)},
        )
        or 0
    )


def compare(session: Session, *, before: int, after: int) -> tuple[int, int] | None:
    """How many records came and how many went between two versions; None when the records of one are gone."""
    row = session.execute(
        text(
            "SELECT (SELECT count(*) FROM list_record WHERE version_id = :before) AS before,"
            " (SELECT count(*) FROM list_record WHERE version_id = :after) AS after,"
            " (SELECT count(*) FROM list_record AS a JOIN list_record AS b USING (digest)"
            "  WHERE a.version_id = :before AND b.version_id = :after) AS both"
        ),
        {"before": before, "after": after},
    ).one()
    return (row.after - row.both, row.before - row.both) if row.before and row.after else None


def compare_hits(session: Session, *, before: int, after: int) -> tuple[int, int]:
    """How many of our addresses a version names that the one before did not, and the other way round."""
    row = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE o.address_id IS NULL) AS gained,"
            " count(*) FILTER (WHERE n.address_id IS NULL) AS lost"
            " FROM (SELECT address_id FROM list_hit WHERE version_id = :before) AS o"
            " FULL JOIN (SELECT address_id FROM list_hit WHERE version_id = :after) AS n USING (address_id)"
        ),
        {"before": before, "after": after},
    ).one()
    return row.gained, row.lost


def forget(session: Session, *, version_id: int) -> None:
    """Take the records of a version away; its hits stay."""
    session.execute(text("DELETE FROM list_record WHERE version_id = :version"), {"version": version_id})
