"""`crusoe hold …`: messages that wait for compliance."""

from dataclasses import asdict
from typing import Any

import click

from campaigns import conductor
from campaigns.holds import holds
from campaigns.releases import releases
from campaigns.service import find, lock
from core import users
from core.cli import command
from core.db import transaction

AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the user who acts.")


@click.group("hold")
def hold_group() -> None:
    """Messages that were held: which, why, and what releasing them would do."""


@command(hold_group, "list")
@click.option("--campaign", default=None, metavar="N", help="Only of this campaign: its number or code.")
@click.option("--released", is_flag=True, help="Instead: holds that were released, by whom, why, and what went out.")
def list_holds(campaign: str | None, *, released: bool) -> list[dict[str, Any]]:
    """Every hold with how many messages wait and how many of them would go if it were released."""
    with transaction() as session:
        found = find(session, campaign) if campaign else None
        if released:
            return [asdict(one) for one in releases(session, campaign_id=found.id if found else None)]
        return [asdict(one) for one in holds(session, campaign=found)]


@command(hold_group, "release")
@click.argument("campaign", metavar="CAMPAIGN")
@click.argument("code")
@AS
@click.option("--reason", required=True, help="Why these may be written to all the same.")
def release(campaign: str, code: str, user: str, reason: str) -> dict[str, Any]:
    """Let the messages of CAMPAIGN pass that were held for CODE, for example consent_stale."""
    with transaction() as session:
        found, actor = lock(session, campaign), users.actor(session, user)
        count = conductor.release(session, campaign=found, code=code, actor=actor, reason=reason)
        return {"campaign": found.code, "code": code, "released": count, "state": found.state}
