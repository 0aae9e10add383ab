"""What is kept of a check: who was asked about, the operator's signatures, and digests of each request and answer."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from suppression.lists.adapter import Answer, Candidate
from suppression.models import ListAsked, ListCheck, ListHit


def keep(
    session: Session,
    version_id: int,
    *,
    batch: Sequence[tuple[Candidate, tuple[str, ...]]],
    hashes: Sequence[str],
    answer: Answer,
) -> int:
    """Store one request with its answer; answers how many addresses are listed."""
    hit = [one.address_id for one, made in batch if not answer.listed.isdisjoint(made)]
    told = json.dumps({"listed": sorted(answer.listed), "proofs": dict(sorted(answer.proofs.items()))}).encode()
    check_id = session.scalar(
        insert(ListCheck)
        .values(
            version_id=version_id,
            asked=len(batch),
            listed=len(hit),
            request_sha256=sha256(",".join(hashes).encode()).digest(),
            answer_sha256=sha256(told).digest(),
        )
        .returning(ListCheck.id)
    )
    _insert(
        session,
        ListAsked,
        [
            {
                "version_id": version_id,
                "address_id": one.address_id,
                "check_id": check_id,
                "proofs": [answer.proofs[each] for each in made if each in answer.proofs] or None,
            }
            for one, made in batch
        ],
    )
    _insert(session, ListHit, [{"version_id": version_id, "address_id": one, "by_domain": False} for one in hit])
    return len(hit)


def note_unaskable(session: Session, version_id: int, address_ids: Sequence[int]) -> None:
    """Treat addresses as listed with which the service cannot be asked: nobody could say that they are not."""
    rows = [{"version_id": version_id, "address_id": one} for one in address_ids]
    _insert(session, ListAsked, [{**row, "check_id": None, "proofs": None} for row in rows])
    _insert(session, ListHit, [{**row, "by_domain": False} for row in rows])


def _insert(session: Session, table: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(upsert(table).on_conflict_do_nothing(), rows)


def digest(session: Session, version_id: int) -> bytes:
    """What stands for all requests and answers of a version."""
    rows = session.execute(
        select(ListCheck.request_sha256, ListCheck.answer_sha256)
        .where(ListCheck.version_id == version_id)
        .order_by(ListCheck.id)
    )
    told = sha256()
    for row in rows:
        told.update(row.request_sha256 + row.answer_sha256)
    return told.digest()
