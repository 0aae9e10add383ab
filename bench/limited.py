"""What limits cost: `python -m bench.limited`.

The same campaign to people at twelve operators goes out in turns without and with limits that keep nothing back: a rate
per second, numbers for the hour and the day, a warm-up, and the same for every operator. Compared is the CPU time of
the worker and of the database, so other work on the machine blurs it little.
"""

import os
from statistics import median

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.mailing import autocommit, fill, planned
from bench.parts import measure
from bench.smtp_tools import MISSING, listening, tool
from bench.surroundings import fresh_database, installation
from core.db import transaction
from core.settings import settings
from delivery import checked_limits
from delivery.models import Sender
from delivery.pace.operators import operators

SIZE, ROUNDS, OPERATORS = 8_000, 3, 12

_WIDE = {"per_second": 90_000, "per_hour": 10**8, "per_day": 10**9}
LIMITS = _WIDE | {
    "operators": {"each": _WIDE, "other": _WIDE, "gmail": _WIDE | {"share": 0.5}},
    "warm_up": {"start": "2026-01-01", "first_day": 10**8, "most": 10**9},
}
_SPREAD = "UPDATE endpoint SET value = 'reader' || id || '@' || (CAST(:domains AS text[]))[1 + id % :many]"


@click.command()
@click.option("--size", default=SIZE, show_default=True, help="Mails of each turn.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="Turns without and with limits.")
def main(size: int, rounds: int) -> None:
    """Send in turns, and print the microseconds of CPU time for each mail."""
    sink = tool("smtp-sink")
    if sink is None:
        raise click.ClickException(MISSING)
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with installation() as postgres:
        fresh_database(postgres)
        _, sender_id = fill(size)
        _spread()
        with listening(sink) as server:
            os.environ["CRUSOE_SMTP_URL"] = server.url
            settings.cache_clear()
            for number in range(2 * rounds):
                # Without, with, with, without: what drifts hits both.
                limited = number % 4 in {1, 2}
                _limit(sender_id, LIMITS if limited else {})
                found[limited].append(measure(planned(sender_id), size))
    _show(found, size)


def _spread() -> None:
    """Move everybody to one of twelve operators."""
    domains = [one.domains[0] for one in operators()[: OPERATORS - 1]]
    with transaction() as session:
        session.execute(text(_SPREAD), {"domains": [*domains, "small.example"], "many": OPERATORS})
    autocommit("VACUUM ANALYZE endpoint")


def _limit(sender_id: int, document: dict[str, object]) -> None:
    with transaction() as session:
        session.get_one(Sender, sender_id).limits = checked_limits(document)


def _show(found: dict[bool, list[dict[str, float]]], size: int) -> None:
    table = Table("µs for each mail", "without", "with", "ratio", title=f"{size:,} mails, {OPERATORS} operators")
    names = [*dict.fromkeys(name for one in found[True] for name in one if name not in {"sink", "wall"}), "both"]
    for name in names:
        plain, limited = (median(_of(one, name) for one in found[which]) for which in (False, True))
        table.add_row(name, f"{plain:.1f}", f"{limited:.1f}", f"{limited / plain:.3f}" if plain else "")
    Console(highlight=False).print(table)


def _of(measured: dict[str, float], name: str) -> float:
    return measured["worker"] + measured["database"] if name == "both" else measured.get(name, 0.0)


if __name__ == "__main__":
    main()
