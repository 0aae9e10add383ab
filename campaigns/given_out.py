"""Whether somebody stood in a file for calls, letters or text messages, or was left out, and what came of it."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from campaigns.mails import named
from campaigns.models import Campaign, ChannelExport, ChannelResult
from suppression import Explained, explain_exported


def given_out(
    session: Session, *, address_id: int, campaign: str | None = None
) -> list[tuple[Explained, dict[str, Any]]]:
    """Each decision about this address that was made for a file, newest first, with what is known about that file.

    Of the file: campaign, campaign_id, channel, export, status, sent_at, valid_until and results (what, when, note). A
    person who was left out has the same without results.
    """
    decided = explain_exported(session, address_id=address_id)
    files = _files(session, {one.batch_id for one in decided}, campaign=campaign)
    came = _results(session, [file.id for file in files.values()], address_id=address_id)
    return [
        (one, _about(files[one.batch_id], one, came[files[one.batch_id].id]))
        for one in decided
        if one.batch_id in files
    ]


def _files(session: Session, batches: Collection[int], *, campaign: str | None) -> dict[int, Row[Any]]:
    query = (
        select(
            ChannelExport.id,
            ChannelExport.code,
            ChannelExport.channel,
            ChannelExport.decision_batch_id,
            ChannelExport.made_at,
            ChannelExport.valid_until,
            Campaign.id.label("campaign_id"),
            Campaign.code.label("campaign"),
        )
        .join(Campaign, Campaign.id == ChannelExport.campaign_id)
        .where(ChannelExport.decision_batch_id.in_(batches))
    )
    if campaign is not None:
        query = query.where(named(campaign))
    rows: list[Row[Any]] = list(session.execute(query)) if batches else []
    return {row.decision_batch_id: row for row in rows}


def _results(session: Session, files: Collection[int], *, address_id: int) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = session.scalars(
        select(ChannelResult)
        .where(ChannelResult.export_id.in_(files), ChannelResult.address_id == address_id)
        .order_by(ChannelResult.at, ChannelResult.id)
    )
    for row in rows:
        found[row.export_id].append({"result": row.result, "at": row.at, "note": row.note})
    return found


def _about(file: Row[Any], decided: Explained, results: list[dict[str, Any]]) -> dict[str, Any]:
    inside = decided.verdict == "send"
    return {
        "campaign": file.campaign,
        "campaign_id": file.campaign_id,
        "channel": file.channel.value,
        "export": file.code,
        "status": "given_out" if inside else "left_out",
        "sent_at": file.made_at if inside else None,
        "valid_until": file.valid_until,
        "results": results,
    }
