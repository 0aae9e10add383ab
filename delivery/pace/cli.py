"""`crusoe sender …`: what senders may do, and how they stand with those who run mailboxes."""

from typing import Any

import click
from sqlalchemy import select

from core.cli import command, show_rows
from core.db import transaction
from delivery.doctor.whom import find_sender
from delivery.models import Sender
from delivery.pace.reputation import as_rows, reputation


@click.group("sender")
def sender_group() -> None:
    """What senders may do, and how they stand with those who run mailboxes."""


# What people read; programs get all of it.
_SHOWN = ("sender", "operator", "status", "today", "allowed_today", "week", "worst_day", "dead_rate", "busiest_day")


def _show(rows: list[dict[str, Any]]) -> None:
    show_rows([{name: row[name] for name in _SHOWN} | {"rests": row["said"] or ""} for row in rows])


@command(sender_group, "limits", show=_show)
@click.argument("sender", required=False)
def limits(sender: str | None) -> list[dict[str, Any]]:
    """What left today and in a week to each operator, what came back, and what limits it; of SENDER, or of all."""
    with transaction() as session:
        found = (
            [find_sender(session, sender)] if sender else session.scalars(select(Sender).order_by(Sender.code)).all()
        )
        return [row for one in found for row in as_rows(reputation(session, sender=one))]
