"""Every message of a campaign and every sealed decision about it, row by row, however many there are.

Both are read from the same snapshot and up to the same link of the chain, so that they fit each other even while the
campaign is being sent.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from suppression.models import CHAIN

ROWS = 2_000

Said = Callable[[int], None]

_BATCHES = """
    SELECT b.id, b.seq FROM evidence_batch AS b WHERE b.chain = 'decision' AND b.seq <= :upto AND b.id IN (
        SELECT d.batch_id FROM message AS m JOIN decision AS d ON d.message_id = m.id WHERE m.run_id = :run)
    ORDER BY b.seq
"""

_SEALED = f"""
    SELECT b.seq, b.rows, {CHAIN.beside_text.replace(":batch", "b.id")} AS beside, d.id,
           CASE WHEN m.id IS NULL THEN encode(sha256(convert_to(d.words, 'UTF8')), 'hex') END AS hidden,
           CASE WHEN m.id IS NOT NULL THEN d.words END AS words
    FROM (SELECT id, batch_id, message_id, {CHAIN.row_text} AS words FROM decision WHERE batch_id = ANY (:batches)) AS d
    JOIN evidence_batch AS b ON b.id = d.batch_id
    LEFT JOIN message AS m ON m.id = d.message_id AND m.run_id = :run
    ORDER BY b.seq, d.id
"""  # noqa: S608 - names come from code

_MESSAGES = """
    SELECT m.id, m.address_id, m.state, m.handed_over_at, m.done_at, m.reply_code, m.reply_text, e.value AS recipient
    FROM message AS m
    LEFT JOIN endpoint AS e ON :clear AND e.address_id = m.address_id AND e.channel = 'email'
    WHERE m.run_id = :run ORDER BY m.id
"""

_DECISIONS = """
    SELECT d.id, d.message_id, b.seq AS batch, d.verdict, d.reasons, d.basis,
           d.consent_id, k.reference::text AS consent,
           d.purchase_id, d.entry_id, d.list_version_id, c.stage, c.rules_version, c.list_versions,
           replace(c.decided_at::text, ' ', 'T') AS decided_at
    FROM decision AS d
    JOIN evidence_batch AS b ON b.id = d.batch_id AND b.seq <= :upto
    JOIN decision_context AS c ON c.batch_id = d.batch_id
    LEFT JOIN consent AS k ON k.id = d.consent_id
    WHERE d.message_id = ANY (:messages) ORDER BY d.id DESC
"""


def batches(session: Session, *, run_id: int, upto: int) -> dict[int, int]:
    """The batches with decisions about messages of a run, as id → number of the link, up to a link of the chain."""
    found = session.execute(text(_BATCHES), {"run": run_id, "upto": upto})
    return {row.id: row.seq for row in found}


def sealed_lines(session: Session, *, run_id: int, numbers: Sequence[int]) -> Iterator[str]:
    """Whole batches as JSON lines: each begins with a line of its own, then its rows in order.

    A row about another run, which nobody has to see, stands there by its digest only.
    """
    statement = text(_SEALED).execution_options(yield_per=ROWS)
    current = None
    for row in session.execute(statement, {"run": run_id, "batches": list(numbers)}):
        if row.seq != current:
            current = row.seq
            yield json.dumps({"batch": row.seq, "rows": row.rows, "beside": row.beside}, ensure_ascii=False)
        yield json.dumps(row.words if row.hidden is None else {"sha256": row.hidden}, ensure_ascii=False)


def message_lines(session: Session, *, run_id: int, upto: int, clear: bool, said: Said) -> Iterator[str]:
    """Every message as a JSON line with its state and all decisions about it, the one that counts first."""
    statement = text(_MESSAGES).execution_options(yield_per=ROWS)
    done = 0
    for chunk in session.execute(statement, {"run": run_id, "clear": clear}).partitions():
        decided = _decisions(session, [row.id for row in chunk], upto=upto)
        for row in chunk:
            told = {
                "message": row.id,
                "address": row.address_id,
                **({"recipient": row.recipient} if clear else {}),
                "state": row.state,
                "handed_over_at": row.handed_over_at and row.handed_over_at.isoformat(),
                "ended_at": row.done_at and row.done_at.isoformat(),
                # What a server answers often repeats the address.
                "server_answer": (f"{row.reply_code or ''} {row.reply_text or ''}".strip() or None)
                if clear
                else row.reply_code,
                "decisions": decided[row.id],
            }
            yield json.dumps(told, ensure_ascii=False)
        done += len(chunk)
        said(done)


def _decisions(session: Session, messages: list[int], *, upto: int) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in session.execute(text(_DECISIONS), {"messages": messages, "upto": upto}).mappings():
        found[row["message_id"]].append({name: value for name, value in row.items() if name != "message_id"})
    return found
