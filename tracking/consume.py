"""The reading end of the spool: lines become rows of the ledger, each exactly once.

How far a file was copied is stored in the transaction that stores the copies. So a consumer may die at any point:
either both are there or neither is. A file is removed when its writer is gone or has moved on and all of it is stored.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock
from core.db import transaction
from tracking.models import EventKind, SpoolFile
from tracking.spool import SUFFIX, Arrival, finished, folder, read_line
from tracking.tokens import AggregateToken, MessageToken, Purpose, read_hit_token
from tracking.verdict import Hit, judge_alone

log = structlog.get_logger()

# At about 200 bytes a line, 20,000 hits a transaction.
BYTES_AT_ONCE = 4_000_000

KINDS = {Purpose.OPEN: EventKind.OPEN, Purpose.CLICK: EventKind.CLICK}

_COLUMNS = (
    "at", "kind", "run_id", "message_id", "address_id", "link_id", "sent_at",
    "method", "prefetch", "ip", "user_agent", "verdict", "verdict_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """What one look at a file did: `rows` copied, and whether there is `more` to copy now."""

    rows: int = 0
    more: bool = False


def consume_spool() -> Progress:
    """Copy what the spool holds into the ledger, one transaction a file. Takes no session: it spans several."""
    done = [consume_file(path) for path in sorted(folder().glob(f"*{SUFFIX}"))]
    return Progress(rows=sum(step.rows for step in done), more=any(step.more for step in done))


def consume_file(path: Path) -> Progress:
    """Copy the next lines of one file, and remove it when it is complete and copied."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Progress()
    try:
        # Asked before reading: what is complete now stays complete.
        complete = finished(handle)
        with transaction() as session:
            offset = _lock_progress(session, path.name)
            block = os.pread(handle, BYTES_AT_ONCE, offset)
            lines, rest = _whole_lines(block)
            rows = _store(session, _hits(lines, file=path.name))
            offset += len(block) - len(rest)
            if lines:
                _note_progress(session, path.name, offset)
        at_end = offset + len(rest) >= os.fstat(handle).st_size
        if complete and at_end:
            _remove(path, torn=rest)
        return Progress(rows=rows, more=not at_end)
    finally:
        os.close(handle)


def _lock_progress(session: Session, name: str) -> int:
    """How many bytes of the file are in the ledger; holds the row so that a second consumer waits its turn."""
    progress = select(SpoolFile.copied).where(SpoolFile.name == name).with_for_update()
    known = session.scalar(progress)
    if known is None:
        session.execute(insert(SpoolFile).values(name=name, copied=0).on_conflict_do_nothing())
        known = session.scalars(progress).one()
    return known


def _note_progress(session: Session, name: str, offset: int) -> None:
    session.execute(
        text("UPDATE spool_file SET copied = :offset, copied_at = now() WHERE name = :name"),
        {"offset": offset, "name": name},
    )


def _whole_lines(block: bytes) -> tuple[list[bytes], bytes]:
    """The complete lines, and what follows the last line end: a line that is being written, or was torn by a kill."""
    *lines, rest = block.split(b"\n")
    if not lines and len(block) == BYTES_AT_ONCE:
        # No line of ours is that long; a damaged file must not stop the ones after it.
        return [rest], b""
    return lines, rest


def _hits(lines: Sequence[bytes], *, file: str) -> list[tuple[Arrival, Purpose, MessageToken | AggregateToken]]:
    """The lines as hits. A line that is none is named in the log and left out."""
    hits = []
    for line in lines:
        arrival = read_line(line)
        purpose = Purpose(arrival.purpose) if arrival and arrival.purpose in KINDS else None
        content = read_hit_token(purpose, arrival.token) if arrival and purpose else None
        if arrival is None or purpose is None or content is None:
            log.warning("spool_line_unreadable", file=file, bytes=len(line))
        else:
            hits.append((arrival, purpose, content))
    return hits


def _store(session: Session, hits: Sequence[tuple[Arrival, Purpose, MessageToken | AggregateToken]]) -> int:
    """Copy hits into the ledger, at the level of tracking that each person allows now, not when the mail was made.

    `none`: nothing is kept. `aggregate`: counted, without message, address, IP, user agent or time of sending.
    """
    if not hits:
        return 0
    session.execute(text("CREATE TEMP TABLE arrived (LIKE event) ON COMMIT DROP"))
    # The id comes from the ledger; here it only keeps the order of arrival.
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has lost its connection")
    with connection.cursor().copy(f"COPY arrived (id, {', '.join(_COLUMNS)}) FROM STDIN") as copy:
        for number, (arrival, purpose, content) in enumerate(hits):
            copy.write_row((number, *_row(arrival, KINDS[purpose], content)))
    return session.execute(text(_MOVE)).rowcount  # type: ignore[attr-defined, no-any-return]


def _row(arrival: Arrival, kind: EventKind, content: MessageToken | AggregateToken) -> tuple[object, ...]:
    at = datetime.fromtimestamp(arrival.at / 1_000_000, UTC)
    personal = isinstance(content, MessageToken)
    sent_at = datetime.fromtimestamp(content.sent_at, UTC) if isinstance(content, MessageToken) else None
    judgement = judge_alone(Hit(kind, at, arrival.method, arrival.user_agent, arrival.prefetch, sent_at))
    return (
        at, kind, content.run_id,
        content.message_id if isinstance(content, MessageToken) else None,
        content.address_id if isinstance(content, MessageToken) else None,
        content.link_id or None, sent_at,
        arrival.method, arrival.prefetch, arrival.ip if personal else None,
        arrival.user_agent, judgement.verdict, judgement.reason,
    )  # fmt: skip


# Personal hits come in unjudged, because their company decides too; the others are judged here, before what the
# judgement looked at is left out.
_MOVE = """
    INSERT INTO event (at, kind, run_id, message_id, address_id, link_id, sent_at, method, prefetch, ip, user_agent,
                       verdict, verdict_reason)
    SELECT a.at, a.kind, a.run_id,
           CASE WHEN p.personal THEN a.message_id END,
           CASE WHEN p.personal THEN a.address_id END,
           a.link_id,
           CASE WHEN p.personal THEN a.sent_at END,
           a.method, a.prefetch,
           CASE WHEN p.personal THEN a.ip END,
           CASE WHEN p.personal THEN a.user_agent END,
           CASE WHEN NOT p.personal THEN a.verdict END,
           CASE WHEN NOT p.personal THEN a.verdict_reason END
    FROM arrived AS a
    LEFT JOIN recipient_choice AS c ON c.address_id = a.address_id
    CROSS JOIN LATERAL (
        SELECT a.address_id IS NOT NULL AND coalesce(c.tracking, 'none') = 'individual' AS personal
    ) AS p
    WHERE a.address_id IS NULL OR coalesce(c.tracking, 'none') <> 'none'
    ORDER BY a.id
"""


def _remove(path: Path, *, torn: bytes) -> None:
    """Remove a file that is stored. Its row goes a week later: should the file come back, it is not copied again."""
    if torn:
        log.warning("spool_line_torn", file=path.name, bytes=len(torn))
    path.unlink(missing_ok=True)


def forget_old_files(session: Session) -> int:
    """Delete the progress of files that were removed long ago."""
    gone = delete(SpoolFile).where(SpoolFile.copied_at < clock.now() - timedelta(days=7))
    names = select(SpoolFile.name).where(SpoolFile.copied_at < clock.now() - timedelta(days=7))
    still = [name for name in session.scalars(names) if (folder() / name).exists()]
    return session.execute(gone.where(SpoolFile.name.not_in(still))).rowcount  # type: ignore[attr-defined, no-any-return]
