"""`python -m bench`: measure, print a table, write `bench.json`, and fail below a floor."""

import json
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.goals import GOALS
from bench.machine import describe
from bench.result import Judged, Measured, as_json, judge
from bench.surroundings import fresh_database, installation
from core.embedded.postgres import PostgresServer
from core.settings import settings

ROUNDS = 5
QUICK_ROUNDS = 2
QUICK_SIZE = 5_000

# In a log nobody has set a width; the table needs this much.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


@click.command()
@click.option("--only", default="", help="Figures to measure, such as T1,T4; all of them by default.")
@click.option("--quick", is_flag=True, help="Few and small rounds: shows that everything runs, judges nothing.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="Rounds of each figure; fewer than 5 are not judged.")
@click.option("--size", type=int, help="Things one round handles, instead of what each module thinks right.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the figures [CRUSOE_HOME/bench.json].")
def main(only: str, quick: bool, rounds: int, size: int | None, out: Path | None) -> None:
    """Measure Crusoe against yardsticks on this machine. Exit code 1: a floor was missed, or nothing was measured."""
    # So that servers are stopped and folders removed when the measurement is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = [name.strip().upper() for name in only.split(",") if name.strip()] or list(GOALS)
    unknown = [name for name in wanted if name not in GOALS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(GOALS)}.")
    if quick:
        rounds, size = QUICK_ROUNDS, size or QUICK_SIZE
    out = out or settings().home / "bench.json"
    for name, value in describe().items():
        console.print(f"{name:<12}{value}")
    judged = [judge(measured, rounds_needed=ROUNDS) for measured in measure(wanted, rounds=rounds, size=size)]
    judged = [one for one in judged if one.measured.id in wanted]
    show(judged)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(as_json(judged), indent=1))
    console.print(f"The figures stand in {out}.")
    sys.exit(1 if any(one.failed for one in judged) or all(one.ratio is None for one in judged) else 0)


def measure(wanted: Sequence[str], *, rounds: int, size: int | None) -> list[Measured]:
    """Run the modules that know the wanted figures, each on a database of its own."""
    modules = list(dict.fromkeys(GOALS[name].module for name in wanted))
    found: list[Measured] = []
    with installation() as postgres:
        for module in modules:
            ids = [name for name in wanted if GOALS[name].module == module]
            answer = _run(module, ids, postgres=postgres, rounds=rounds, size=size)
            known = {measured.id for measured in answer}
            found += answer
            found += [Measured(name, skipped="its module answered nothing for it") for name in ids if name not in known]
    return found


def _run(module: str, ids: Sequence[str], *, postgres: PostgresServer, rounds: int, size: int | None) -> list[Measured]:
    if find_spec(f"bench.{module}") is None:
        return [Measured(name, skipped="not there") for name in ids]
    console.print(f"Measuring {', '.join(ids)} ...")
    fresh_database(postgres)
    answer: list[Measured] = import_module(f"bench.{module}").measure(rounds=rounds, size=size)
    return answer


def show(judged: Sequence[Judged]) -> None:
    """Print the table, and below it what was skipped and why."""
    table = Table("id", "what", "ratio", "min", "max", "floor", "goal", "rounds", "verdict")
    for one in judged:
        sign = "≤" if one.goal.lower else "≥"
        table.add_row(
            one.measured.id,
            one.goal.what,
            *(_number(value) for value in (one.ratio, one.least, one.most)),
            f"{sign} {one.goal.floor:g}",
            f"{sign} {one.goal.goal:g}",
            str(len(one.measured.ratios)),
            one.verdict,
        )
    console.print(table)
    for one in judged:
        remark = one.measured.skipped or one.measured.note
        if remark:
            console.print(f"{one.measured.id}: {remark}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
