"""`crusoe export`: files for a call centre, a print shop, a text message gateway."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from campaigns.channel_exports import KINDS, export, publish
from campaigns.service import lock
from core import users
from core.cli import command
from core.db import transaction


@click.group("export")
def export_group() -> None:
    """Files of people who may be called, written a letter or a text message; made from an approved campaign."""


def _add(name: str) -> None:
    @command(export_group, name)
    @click.argument("campaign", metavar="CAMPAIGN")
    @click.option("--out", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file.")
    @click.option("--as", "person", required=True, metavar="U", help="Who takes it.")
    def take(campaign: str, path: Path, person: str) -> dict[str, Any]:
        with transaction() as session:
            actor = users.actor(session, person)
            made = export(session, campaign=lock(session, campaign), channel=KINDS[name], actor=actor, path=path)
        publish(path)
        return asdict(made)

    take.help = f"Write the file of a campaign for {name}. Everybody in it was decided about; so were those left out."


for _name in KINDS:
    _add(_name)
