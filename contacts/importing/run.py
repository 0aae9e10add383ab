"""The way of a file into the database: inspect, map, then chunk by chunk read, store, count, note what was rejected."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Generic

from sqlalchemy.exc import IntegrityError, OperationalError

from contacts.importing.error_file import ErrorFile
from contacts.importing.intake import Intake, Outcome, Record, Rejected, Rejection, Result, Row, Rows
from contacts.importing.mapping import layout
from contacts.importing.progress import Progress, silent
from contacts.importing.rehearsal import Rehearsal
from contacts.importing.rows import RawRow, read_rows
from contacts.importing.source import Source, open_source
from core.db import transaction

# Large enough that a statement's fixed cost vanishes, small enough for three in memory: one being stored, one waiting,
# one being read.
CHUNK = 20_000

# Somebody may sign up with an address of this chunk while it is stored; the next try sees it.
MOST_TRIES = 3


@dataclass
class Chunk(Generic[Record]):
    """Some consecutive rows of a file: those that could be read, and those that could not."""

    rows: Rows[Record] = field(default_factory=Rows)
    rejected: list[tuple[Rejection, str]] = field(default_factory=list)
    last_line: int = 0


def import_file(
    intake: Intake[Record],
    *,
    path: Path,
    mapping: Path | None = None,
    errors: Path | None = None,
    dry_run: bool = False,
    encoding: str | None = None,
    progress: Callable[[Source], Progress] = silent,
    chunk_size: int | None = None,
) -> Result:
    """Import a file and answer the counts. Chunks that are stored stay, whatever happens after them."""
    source = open_source(path, encoding=encoding)
    with transaction() as session:
        fields = intake.fields(session)
        found = layout(source.header, fields, mapping=mapping, where=f"{path}:1")
        intake.prepare(session, layout=found, origin=source.origin)
    total = Outcome()
    with (
        ErrorFile(source, name=intake.name, path=errors) as rejected,
        progress(source) as shown,
        Rehearsal(intake) if dry_run else _Performance(intake) as stage,
    ):
        for chunk in _ahead(_chunks(intake, source, chunk_size or CHUNK, constants=found.constants)):
            outcome = stage.store(chunk.rows)
            _note(rejected, shown, chunk, outcome)
            total.created += outcome.created
            total.updated += outcome.updated
            total.unchanged += outcome.unchanged
            shown.reached(chunk.last_line)
        return Result(
            rows=total.created + total.updated + total.unchanged + rejected.count,
            created=total.created,
            updated=total.updated,
            unchanged=total.unchanged,
            rejected=rejected.count,
            errors_file=rejected.written,
        )


def _chunks(
    intake: Intake[Record], source: Source, size: int, *, constants: tuple[str, ...]
) -> Iterator[Chunk[Record]]:
    rows = read_rows(source)
    read = intake.read
    while True:
        chunk: Chunk[Record] = Chunk()
        lines, raws, records = chunk.rows.lines, chunk.rows.raws, chunk.rows.records
        for row in islice(rows, size):
            if not isinstance(row, RawRow):
                chunk.rejected.append(row)
                continue
            line, raw, cells = row
            try:
                records.append(read([*cells, *constants] if constants else cells))
            except Rejected as error:
                chunk.rejected.append((Rejection(line, error.field, error.reason, error.explanation), raw))
            else:
                lines.append(line)
                raws.append(raw)
        if not chunk.rows and not chunk.rejected:
            return
        chunk.last_line = max(lines[-1] if lines else 0, chunk.rejected[-1][0].line if chunk.rejected else 0)
        yield chunk


def _ahead(chunks: Iterator[Chunk[Record]]) -> Iterator[Chunk[Record]]:
    """The same chunks, each read while the database is busy with the one before."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import-reader") as reader:
        coming = reader.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = reader.submit(next, chunks, None)
            yield chunk


class _Performance(AbstractContextManager["_Performance[Record]"], Generic[Record]):
    """Stores each chunk in a transaction of its own, again when somebody else got in between."""

    def __init__(self, intake: Intake[Record]) -> None:
        self.intake = intake

    def __exit__(self, *_: object) -> None:
        """Nothing is left open between chunks."""

    def store(self, rows: Sequence[Row[Record]]) -> Outcome:
        for last_try in (*(False,) * (MOST_TRIES - 1), True):
            try:
                with transaction() as session:
                    return self.intake.store(session, rows, rehearsal=False)
            except (IntegrityError, OperationalError) as error:
                if last_try or not _is_conflict(error):
                    raise
        raise AssertionError("unreachable: the last try returns or raises")


def _is_conflict(error: IntegrityError | OperationalError) -> bool:
    """Whether trying again makes sense: unique or foreign key violation, deadlock, serialisation failure."""
    return getattr(error.orig, "sqlstate", None) in {"23505", "23503", "40P01", "40001"}


def _note(rejected: ErrorFile, shown: Progress, chunk: Chunk[Record], outcome: Outcome) -> None:
    if outcome.rejections:
        raw = dict(zip(chunk.rows.lines, chunk.rows.raws, strict=True))
        chunk.rejected += [(rejection, raw[rejection.line]) for rejection in outcome.rejections]
        chunk.rejected.sort(key=lambda pair: pair[0].line)
    for rejection, text in chunk.rejected:
        rejected.add(rejection, text)
        shown.rejected(rejection)
