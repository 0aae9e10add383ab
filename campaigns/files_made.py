"""The files that were given out for a campaign: who took them, for how long they are good, and what came of them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models import ChannelExport, ChannelResult
from core import clock


@dataclass(frozen=True)
class FileMade:
    """One file. `counts`: as of a check, everybody once; `results`: what was reported back → lines."""

    code: str
    channel: str
    people: int
    counts: dict[str, Any]
    made_by: str
    made_at: datetime
    valid_until: datetime
    expired: bool
    sha256: str
    results: dict[str, int]


def files_made(session: Session, *, campaign_id: int) -> list[FileMade]:
    """Every file of a campaign, the newest first. Two queries."""
    made = session.scalars(
        select(ChannelExport).where(ChannelExport.campaign_id == campaign_id).order_by(ChannelExport.id.desc())
    ).all()
    came: dict[int, dict[str, int]] = defaultdict(dict)
    rows = session.execute(
        select(ChannelResult.export_id, ChannelResult.result, func.count())
        .where(ChannelResult.export_id.in_([one.id for one in made]))
        .group_by(ChannelResult.export_id, ChannelResult.result)
        .order_by(ChannelResult.result)
    )
    for export_id, result, many in rows:
        came[export_id][result] = many
    now = clock.now()
    return [
        FileMade(
            code=one.code,
            channel=one.channel.value,
            people=one.people,
            counts=one.counts,
            made_by=one.made_by,
            made_at=one.made_at,
            valid_until=one.valid_until,
            expired=one.valid_until <= now,
            sha256=one.sha256.hex(),
            results=came[one.id],
        )
        for one in made
    ]
