"""`crusoe leads ...` and `crusoe score ...`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from core import clock, users
from core.cli import command, show_rows
from core.db import transaction
from lead_handover import inbox, outbox, sellers, webhook
from lead_handover.rules import RejectReason
from lead_handover.service import rebuild


@click.group("leads")
def leads_group() -> None:
    """Leads: see who waits, accept, reject."""


@click.group("score")
def score_group() -> None:
    """Scores: rebuild them from the events."""


def _show_leads(rows: Sequence[Mapping[str, Any]]) -> None:
    """A lead a row, its points explained in words."""
    words = [", ".join(f"{line['words']} ({line['points']:+g})" for line in row["lines"]) for row in rows]
    show_rows([{**row, "lines": why} for row, why in zip(rows, words, strict=True)])


@command(leads_group, "list", show=_show_leads)
def list_leads() -> list[dict[str, Any]]:
    """Leads that wait for an answer, overdue ones first, each with the lines that its points are the sum of."""
    with transaction() as session:
        rows = inbox.open_leads(session)
    keys = ("id", "contact_id", "contact", "points", "lines", "state", "due_at", "given_to")
    return [{key: getattr(row, key) for key in keys} for row in rows]


@command(leads_group, "accept")
@click.argument("lead_id", metavar="ID", type=int)
@click.option("--as", "user", required=True, help="The user who answers.")
def accept_lead(lead_id: int, user: str) -> dict[str, Any]:
    """Take a lead."""
    with transaction() as session:
        inbox.accept(session, lead_id, users.actor(session, user))
    return {"id": lead_id, "state": "accepted"}


@command(leads_group, "reject")
@click.argument("lead_id", metavar="ID", type=int)
@click.option("--reason", required=True, help="One of: " + ", ".join(RejectReason) + ".")
@click.option("--as", "user", required=True, help="The user who answers.")
def reject_lead(lead_id: int, reason: str, user: str) -> dict[str, Any]:
    """Turn a lead down."""
    with transaction() as session:
        inbox.reject(session, lead_id, reason, users.actor(session, user))
    return {"id": lead_id, "state": "rejected", "reason": reason}


@command(leads_group, "outbox")
def list_outbox() -> list[dict[str, Any]]:
    """What other systems have not heard yet, and why."""
    with transaction() as session:
        return [dict(row._mapping) for row in outbox.undelivered(session)]  # noqa: SLF001 - its public name


@command(leads_group, "retry")
@click.argument("outbox_id", metavar="ID", type=int)
@click.option("--as", "user", required=True, help="The user who asks for it.")
def retry_message(outbox_id: int, user: str) -> dict[str, Any]:
    """Try a message of the outbox again from the beginning."""
    with transaction() as session:
        outbox.retry(session, outbox_id=outbox_id, actor=users.actor(session, user).email)
    return {"id": outbox_id, "next_at": clock.now()}


@command(leads_group, "webhook")
@click.argument("name")
@click.argument("url")
@click.option("--loopback", is_flag=True, help="Allow this machine and plain http; in development only.")
@click.option("--off", is_flag=True, help="Keep it, but post nothing to it.")
@click.option(
    "--event", "events", multiple=True, help=f"Told besides leads; may be repeated: {', '.join(outbox.EVENTS)}."
)
def set_webhook(name: str, url: str, loopback: bool, off: bool, events: tuple[str, ...]) -> dict[str, Any]:
    """Set where leads and other events are posted, and show the secret that its signatures are checked with."""
    with transaction() as session:
        sellers.save_webhook_target(
            session, name=name, url=url, actor="system", loopback=loopback, active=not off, events=events
        )
    return {"name": name, "url": url, "active": not off, "events": events, "secret": webhook.secret(name)}


@command(leads_group, "seller")
@click.argument("user")
@click.option("--country", "countries", multiple=True, help="Only leads from there; may be repeated.")
@click.option("--language", "languages", multiple=True, help="Only leads of this language; may be repeated.")
@click.option("--off", is_flag=True, help="Give this user no more leads.")
def set_seller(user: str, countries: tuple[str, ...], languages: tuple[str, ...], off: bool) -> dict[str, Any]:
    """Let a user take leads."""
    asked = {"countries": list(countries), "languages": list(languages)}
    territory = {key: values for key, values in asked.items() if values}
    with transaction() as session:
        sellers.save_sales_person(session, user=user, actor="system", territory=territory, active=not off)
    return {"user": user, "territory": territory, "active": not off}


@command(score_group, "rebuild")
def rebuild_scores() -> dict[str, Any]:
    """Compute every score anew from the events."""
    return rebuild()
