"""`crusoe retention`: how long data are kept, what would go, and the record of processing."""

from pathlib import Path
from typing import Any

import click

from app.rights import kinds, processing_record
from core import retention, users
from core.cli import command
from core.db import transaction
from core.permissions import Permission


@click.group("retention")
def retention_group() -> None:
    """How long each kind of data is kept."""


@command(retention_group, "preview")
def preview() -> list[dict[str, Any]]:
    """Every kind of data with its term in days and how many rows are over it now. Changes nothing."""
    with transaction() as session:
        return [
            {"kind": one.kind.code, "days": one.days, "due": one.due, "removed_by_job": one.kind.remove is not None}
            for one in retention.preview(session)
        ]


@command(retention_group, "set")
@click.argument("kind")
@click.argument("days", type=int)
@click.option("--as", "acting", required=True, metavar="U", help="Who decides: a user's e-mail address.")
def choose(kind: str, days: int, acting: str) -> dict[str, Any]:
    """Keep KIND for DAYS days."""
    with transaction() as session:
        actor = users.actor(session, acting)
        actor.require(Permission.EDIT_SUPPRESSION)
        retention.choose(session, kind=kind, days=days, actor=actor.email)
    return {"kind": kind, "days": days}


@command(retention_group, "run")
def run() -> dict[str, Any]:
    """Remove what is over its term now; the job does the same every hour."""
    total: dict[str, int] = {}
    while True:
        with transaction() as session:
            gone = retention.carry_out(session, actor="operator")
        for kind, count in gone.items():
            total[kind] = total.get(kind, 0) + count
        if not any(count >= retention.PORTION for count in gone.values()):
            return {"removed": total, "kinds": len(kinds.KINDS)}


@command(retention_group, "record")
@click.option("--out", default=None, type=click.Path(path_type=Path), help="A file for the record as HTML.")
@click.option("--language", default="en", type=click.Choice(["en", "de"]), show_default=True)
def processing(out: Path | None, language: str) -> dict[str, Any]:
    """The record of processing activities (Art. 30 GDPR), from what is configured."""
    with transaction() as session:
        found = processing_record.record(session)
    if out is not None:
        out.write_bytes(processing_record.as_page(found, locale=language))
    return found
