"""`crusoe lists campaigns`, beside the commands of the lists themselves."""

from dataclasses import asdict
from typing import Any

import click

from app.list_matches import per_campaign
from core.cli import command
from core.db import transaction
from suppression.cli import lists_group

__all__ = ["lists_group"]


@command(lists_group, "campaigns")
@click.argument("list_id", required=False)
def show_campaigns(list_id: str | None) -> list[dict[str, Any]]:
    """How many messages of each campaign were refused or held because of a list."""
    with transaction() as session:
        return [asdict(one) for one in per_campaign(session) if list_id in {None, one.list}]
