"""`crusoe consents`: which of them could be attacked, because their evidence is not whole."""

from typing import Any

import click

from app.consents import listing
from contacts import LACKING
from core.cli import command, console, plain, show_rows
from core.db import transaction


@click.group("consents")
def consents_group() -> None:
    """What people agreed to, and how well that can be proven."""


def _show(answer: dict[str, Any]) -> None:
    """The groups as a table, and what each code means; references are for programs."""
    console.print(f"{plain(answer['incomplete'])} of {plain(answer['consents'])} confirmed consents have gaps.")
    if answer["groups"]:
        show_rows([{key: group[key] for key in group if key != "references"} for group in answer["groups"]])
    for code, sentence in answer["meaning"].items():
        console.print(f"{code:<24}{sentence}", markup=False)


@command(consents_group, "incomplete", show=_show)
@click.option("--purpose", default=None, metavar="P", help="Only consents to this purpose.")
def incomplete(purpose: str | None) -> dict[str, Any]:
    """Confirmed consents whose evidence lacks something, in groups that lack the same."""
    with transaction() as session:
        groups = listing.incomplete(session, purpose=purpose)
        total = listing.confirmed(session, purpose=purpose)
    codes = sorted({code for group in groups for code in group["missing"]})
    return {
        "consents": total,
        "incomplete": sum(group["consents"] for group in groups),
        "groups": groups,
        "meaning": {code: LACKING[code] for code in codes},
    }
