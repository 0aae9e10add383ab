"""`crusoe import`: files into contacts, consents and orders. `suppression` adds opt-outs to the same group."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from contacts.importing import Intake, import_file
from contacts.importing.progress import on_terminal
from contacts.intakes import ConsentIntake, ContactIntake, EndpointIntake, OrderIntake
from core import audit
from core.cli import command
from core.db import transaction

File = click.Path(exists=False, dir_okay=False, path_type=Path)


@click.group("import")
def import_group() -> None:
    """Read CSV files: contacts, endpoints, consents, orders, opt-outs."""


def import_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the options that every import has."""
    for option in (
        click.option("--encoding", help="Encoding of the file when it is not UTF-8, such as cp1252."),
        click.option("--dry-run", is_flag=True, help="Count what would happen and change nothing."),
        click.option("--errors", type=File, help="Where rejected rows go; else a file in the home, import-errors/."),
        click.option("--map", "mapping", type=File, help="YAML with lines `column: field`."),
        click.argument("file", type=File),
    ):
        function = option(function)
    return function


def run(intake: Intake[Any], file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import a file with a progress bar on a terminal; answers the documented keys. What is stored is audited."""
    result = import_file(intake, path=file, progress=on_terminal, **options)
    if not options["dry_run"]:
        with transaction() as session:
            audit.record(
                session,
                actor="import",
                action=f"import.{intake.name}",
                object_type="file",
                object_id=file.name[:200],
                rows=result.rows,
                created=result.created,
                updated=result.updated,
                rejected=result.rejected,
            )
    return result.as_answer()


@command(import_group, "contacts")
@import_options
def import_contacts(file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import people with their addresses and fields. A repeated row updates."""
    return run(ContactIntake(), file, **options)


@command(import_group, "endpoints")
@import_options
def import_endpoints(file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import telephone numbers and postal addresses of people who are known already, one in a row."""
    return run(EndpointIntake(), file, **options)


@command(import_group, "consents")
@import_options
@click.option("--old-system", default=None, metavar="S", help="The system that took them down, unless a column says.")
@click.option("--attested-by", default=None, metavar="P", help="Who vouches for them, unless a column says.")
def import_consents(
    file: Path, old_system: str | None, attested_by: str | None, **options: Any
) -> dict[str, int | str | None]:
    """Import a double opt-in log: who asked and confirmed when, from where, under which words."""
    return run(ConsentIntake(old_system=old_system, attested_by=attested_by), file, **options)


@command(import_group, "orders")
@import_options
def import_orders(file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import orders; they make the existing-customer exception possible."""
    return run(OrderIntake(), file, **options)
