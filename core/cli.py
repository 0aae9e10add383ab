"""How every command answers: text for people, `--json` for programs, and four exit codes."""

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.exc import OperationalError

from core.errors import CrusoeError, NotReachable
from core.sentences import say

Answer = Mapping[str, Any] | Sequence[Mapping[str, Any]]

WIDEST = 10_000

console = Console(highlight=False, soft_wrap=True)
# What is told on the way to an answer; kept apart, so that JSON on the standard output stays JSON.
progress = Console(stderr=True, highlight=False, soft_wrap=True)


def command(group: click.Group, name: str, *, show: Callable[[Any], None] | None = None) -> Callable[..., Any]:
    """Make a function a command of `group`. It returns its answer; this prints it and sets the exit code.

    `show` prints the answer for people when a plain table would not do. Exit codes: 0 done, 1 wrong input, 2 not
    allowed or refused by a rule, 3 something needed is not reachable.
    """

    def wrap(function: Callable[..., Answer | None]) -> click.Command:
        @group.command(name, help=function.__doc__)
        @click.option("--json", "as_json", is_flag=True, help="Answer as JSON with documented keys.")
        @functools.wraps(function)
        def run(*args: Any, as_json: bool, **options: Any) -> None:
            try:
                answer = function(*args, **options)
            except CrusoeError as error:
                _complain(error, as_json=as_json)
            except OperationalError:
                _complain(
                    NotReachable(
                        "database_unreachable", say("The database does not answer."), say("Start it: crusoe up.")
                    ),
                    as_json=as_json,
                )
            else:
                _print(answer, as_json=as_json, show=show)

        return run

    return wrap


def _complain(error: CrusoeError, *, as_json: bool) -> None:
    if as_json:
        body = {"code": error.code, "message": error.message, "remedy": error.remedy, "where": error.where}
        click.echo(dump({"error": body | {"details": error.details}}))
    else:
        click.secho(str(error), fg="red", err=True)
        # Rows of a longer complaint, as `apply` and `import` make them, stand below the sentence.
        for line in error.details.get("lines", ()):  # type: ignore[attr-defined]
            click.echo(f"  {line}", err=True)
    sys.exit(error.exit_code)


def _print(answer: Answer | None, *, as_json: bool, show: Callable[[Any], None] | None) -> None:
    if as_json:
        click.echo(dump({} if answer is None else answer))
    elif answer is None:
        return
    elif show is not None:
        show(answer)
    elif isinstance(answer, Mapping):
        show_facts(answer)
    else:
        show_rows(answer)


def show_facts(answer: Mapping[str, Any]) -> None:
    """Print one thing, a line a key."""
    width = max((len(key) for key in answer), default=0)
    for key, value in answer.items():
        if isinstance(value, Mapping):
            console.print(f"{key}:", markup=False)
            for inner, count in value.items():
                console.print(f"  {inner:<{width}}  {plain(count)}", markup=False)
        else:
            console.print(f"{key:<{width}}  {plain(value)}", markup=False)


def show_rows(answer: Sequence[Mapping[str, Any]]) -> None:
    """Print several things as a table."""
    if not answer:
        console.print("Nothing to show.")
        return
    table = Table(*(Column(name, overflow="fold") for name in answer[0]))
    for row in answer:
        table.add_row(*(plain(value) for value in row.values()))
    # A program, or a file, gets each row on one line; a person sees cells that break instead of cells cut short.
    console.print(table, width=None if console.is_terminal else WIDEST)


def plain(value: Any) -> str:
    """A value as people read it in a terminal."""
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={plain(item)}" for key, item in value.items())
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    return "" if value is None else f"{value:,}" if type(value) is int else str(value)


def dump(answer: Any) -> str:
    """JSON with times in ISO 8601 and bytes in hexadecimal."""
    return json.dumps(answer, default=_encode, ensure_ascii=False, indent=2)


def _encode(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            return value.hex()
        case Path():
            return str(value)
        case set() | frozenset():
            return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
