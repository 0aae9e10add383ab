"""The commands of this stage: external lists, and opt-outs beside the imports of contacts."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from contacts.cli import import_group, import_options, run
from core.cli import command
from core.db import transaction
from core.errors import WrongInput
from core.sentences import say
from suppression.lists.load import import_list
from suppression.lists.standing import status
from suppression.optouts import OptOutIntake


@click.group("lists")
def lists_group() -> None:
    """External do-not-contact lists: load them, and see how old they are."""


@command(lists_group, "import")
@click.argument("list_id")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--published-at", default=None, metavar="T", help="When the operator published it, as ISO 8601.")
def load(list_id: str, file: Path, published_at: str | None) -> dict[str, Any]:
    """Put a new version of a list into force.

    The file is checked first; whatever is wrong with it, the list in force stays. The age of the list runs from
    --published-at, or from now. Example: crusoe lists import at.ecg.file ecg-liste.hash
    """
    moment = _moment(published_at) if published_at else None
    return asdict(import_list(path=file, list_id=list_id, published_at=moment, actor="command line"))


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise WrongInput(
            "time_invalid",
            say("%(text)s is no time.", text=repr(written)),
            say("Write it like 2026-11-21 or 2026-11-21T09:00:00+00:00."),
        ) from error
    # A date alone, or a time without a zone, is read as UTC: the age of a list is counted in days.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@command(lists_group, "status")
def show_status() -> list[dict[str, Any]]:
    """Each list with its version in force, its age, and whether that still is fresh enough."""
    with transaction() as session:
        return [asdict(found) for found in status(session)]


@command(import_group, "optouts")
@import_options
def import_optouts(file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import objections, complaints and dead addresses. What is stored stays; an import lifts nothing."""
    return run(OptOutIntake(), file, **options)
