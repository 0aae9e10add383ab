"""The versions that a list has had: what an auditor asks for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from suppression.models import ListHit, ListVersion

SHOWN = 100


@dataclass(frozen=True)
class PastVersion:
    """One version. `added` and `removed` against the one before, where they were counted; `reason`: why it came."""

    version: int
    state: str
    published_at: datetime
    fetched_at: datetime
    fetched_by: str
    records: int
    added: int | None
    removed: int | None
    hits: int
    sha256: str
    reason: str | None


def list_history(session: Session, *, list_id: str) -> list[PastVersion]:
    """The latest versions of a list, the newest first."""
    hits = select(func.count()).where(ListHit.version_id == ListVersion.id).correlate(ListVersion).scalar_subquery()
    rows = session.execute(
        select(ListVersion, hits).where(ListVersion.list_id == list_id).order_by(ListVersion.id.desc()).limit(SHOWN)
    )
    return [
        PastVersion(
            version=found.id,
            state=found.state.value,
            published_at=found.published_at,
            fetched_at=found.fetched_at,
            fetched_by=found.fetched_by,
            records=found.records,
            added=found.changes.get("added"),
            removed=found.changes.get("removed"),
            hits=many,
            sha256=found.sha256.hex(),
            reason=found.reason,
        )
        for found, many in rows
    ]
