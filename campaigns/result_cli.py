"""`crusoe import results`: what a call centre or a print shop reports back."""

from pathlib import Path
from typing import Any

from campaigns.channel_results import ResultIntake
from contacts.cli import import_group, import_options, run
from core.cli import command
from suppression import wait_for_departures


@command(import_group, "results")
@import_options
def import_results(file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import what came of the lines of an exported file. Objections in it count from the moment they are stored."""
    done = run(ResultIntake(), file, **options)
    return done | {"on_its_way": 0 if options["dry_run"] else wait_for_departures()}
