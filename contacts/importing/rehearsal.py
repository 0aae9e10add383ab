"""A dry run: the same statements, rolled back chunk by chunk, and the same counts.

Rolling back each chunk at once keeps nobody waiting for locks. What the file repeats from one chunk to a later one is
then not found in the database, so a temporary table of hashes remembers it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from types import TracebackType
from typing import Any, Generic

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts.importing.intake import Intake, Outcome, Record, Row
from contacts.importing.staging import stage
from core.db import engine


class Rehearsal(Generic[Record]):
    """Answers what storing chunks would do, on a connection of its own that keeps nothing."""

    def __init__(self, intake: Intake[Record]) -> None:
        self.intake = intake
        self.connection = engine().connect()

    def __enter__(self) -> "Rehearsal[Record]":
        with Session(self.connection) as session, session.begin():
            session.execute(text("CREATE TEMP TABLE rehearsed (identity bigint PRIMARY KEY, content bigint)"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The temporary table must not stay in a pooled connection.
        self.connection.invalidate()
        self.connection.close()

    def store(self, rows: Sequence[Row[Record]]) -> Outcome:
        """The outcome of a chunk, as if the chunks before it were stored."""
        hashes = [_hashes(self.intake, row.record) for row in rows]
        with Session(self.connection) as session, session.begin():
            before = _remember(session, hashes)
        fresh = [row for row, (identity, _) in zip(rows, hashes, strict=True) if identity not in before]
        with Session(self.connection) as session:
            outcome = self.intake.store(session, fresh, rehearsal=True)
            session.rollback()
        for identity, content in hashes:
            if identity in before:
                outcome.unchanged += before[identity] == content
                outcome.updated += before[identity] != content
                before[identity] = content
        return outcome


def _hashes(intake: Intake[Record], record: Record) -> tuple[int, int]:
    identity, content = intake.identify(record)
    return _hash(identity), _hash(content)


def _hash(words: str) -> int:
    return int.from_bytes(blake2b(words.encode(), digest_size=8).digest(), signed=True)


def _remember(session: Session, hashes: list[tuple[int, int]]) -> dict[int, int]:
    """Note what this chunk says; answers what earlier chunks said about the same identities."""
    latest: dict[int, Any] = dict(hashes)
    stage(session, table="rehearsing", columns={"identity": "bigint", "content": "bigint"}, rows=iter(latest.items()))
    known = text("SELECT r.identity, r.content FROM rehearsed r JOIN rehearsing USING (identity)")
    before = {row.identity: row.content for row in session.execute(known)}
    session.execute(
        text(
            "INSERT INTO rehearsed SELECT identity, content FROM rehearsing"
            " ON CONFLICT (identity) DO UPDATE SET content = excluded.content"
        )
    )
    return before
