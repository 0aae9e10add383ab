"""`crusoe sender …`: what senders may do, and how they stand with those who run mailboxes."""

from typing import Any

import click
from sqlalchemy import select

from core.cli import command, show_rows
from core.db import transaction
from delivery.doctor.whom import find_sender
from delivery.models import MailOperator, Sender
from delivery.pace.models import MailDomain
from delivery.pace.operators import OTHER_CODE
from delivery.pace.reputation import as_rows, reputation


@click.group("sender")
def sender_group() -> None:
    """What senders may do, and how they stand with those who run mailboxes."""


def _show(rows: list[dict[str, Any]]) -> None:
    """What people read; programs get all of it."""
    show_rows(
        [
            {
                "sender": row["sender"],
                "operator": row["operator"],
                "state": row["status"],
                "today": f"{row['today']:,}" + (f" / {row['allowed_today']:,}" if row["allowed_today"] else ""),
                "week": row["week"],
                "spam %": row["worst_day"],
                "dead %": row["dead_rate"],
            }
            for row in rows
        ]
    )


@command(sender_group, "limits", show=_show)
@click.argument("sender", required=False)
def limits(sender: str | None) -> list[dict[str, Any]]:
    """What left today and in a week to each operator, what came back, and what limits it; of SENDER, or of all."""
    with transaction() as session:
        found = (
            [find_sender(session, sender)] if sender else session.scalars(select(Sender).order_by(Sender.code)).all()
        )
        return [row for one in found for row in as_rows(reputation(session, sender=one))]


@command(sender_group, "domains")
@click.option("--most", default=100, show_default=True, help="How many domains, the largest first.")
def domains(most: int) -> list[dict[str, Any]]:
    """Who runs the mailboxes of recipients' domains that the table does not name, and how old the answer is."""
    query = (
        select(MailDomain, MailOperator.code)
        .outerjoin(MailOperator, MailOperator.id == MailDomain.operator)
        .order_by(MailDomain.people.desc(), MailDomain.domain)
        .limit(most)
    )
    with transaction() as session:
        return [
            {
                "domain": one.domain,
                "people": one.people,
                "operator": code or OTHER_CODE,
                "host": one.host,
                "answered_at": one.answered_at,
            }
            for one, code in session.execute(query)
        ]
