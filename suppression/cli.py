"""The commands of this stage: external lists, and opt-outs beside the imports of contacts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.orm import Session

from contacts.cli import import_group, import_options, run
from core import clock, users
from core.cli import command, progress
from core.db import transaction
from core.errors import WrongInput
from core.sentences import say
from core.users import Actor
from suppression.departures import wait_for_departures
from suppression.lists.checks import check
from suppression.lists.entrance import Approval
from suppression.lists.load import import_list
from suppression.lists.lookup import difference, match
from suppression.lists.standing import status
from suppression.lists.switching import expire, remove
from suppression.optouts import OptOutIntake

OPERATOR = "command line"


@click.group("lists")
def lists_group() -> None:
    """External do-not-contact lists: load them, ask them, and see how old they are."""


AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the user who acts.")
REASON = click.option("--reason", required=True, help="Why; it stands in the audit log.")


@command(lists_group, "import")
@click.argument("list_id")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--published-at", default=None, metavar="T", help="When the operator published it, as ISO 8601.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="How the file is written; may be repeated."
)
@click.option("--expect", type=int, default=None, metavar="N", help="Refuse it unless it has so many records.")
@click.option("--as", "user", default=None, metavar="USER", help="Who of compliance replaces the version before.")
@click.option("--reason", default=None, help="Why; needed for every version but the first.")
@click.option("--shrunk", is_flag=True, help="It is right that more than a fifth of the records is gone.")
def load(list_id: str, file: Path, published_at: str | None, settings: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """Put a new version of a list into force.

    The file is checked first; whatever is wrong with it, the list in force stays. The age of the list runs from
    --published-at, from the day that the file tells, or from now. Example: crusoe lists import at.ecg.file
    ecg-liste.hash
    """
    with _bar(file) as told:
        found = import_list(
            path=file,
            list_id=list_id,
            published_at=clock.read(published_at) if published_at else None,
            actor=more["user"] or OPERATOR,
            options=_pairs(settings),
            expected=more["expect"],
            approval=_approval(more["user"], more["reason"], shrunk=more["shrunk"]),
            told=told,
        )
    return asdict(found)


@contextmanager
def _bar(file: Path) -> Iterator[Callable[[int], None]]:
    """How many records are stored so far, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=progress, transient=True, disable=not progress.is_terminal) as shown:
        task = shown.add_task(file.name, total=None)
        yield lambda many: shown.update(task, completed=many)


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in settings)
    if not all("=" in one for one in settings):
        raise WrongInput("option_wrong", say("An option is written NAME=VALUE."), where="--set")
    return pairs


def _approval(user: str | None, reason: str | None, *, shrunk: bool) -> Approval | None:
    if user is None:
        if reason is not None or shrunk:
            raise WrongInput("user_missing", say("A reason needs somebody who gives it."), say("Add --as U."), "--as")
        return None
    with transaction() as session:
        return Approval(users.actor(session, user), reason or "", shrunk=shrunk)


@command(lists_group, "status")
@click.option("--all", "every", is_flag=True, help="Also lists that nobody requires and nobody loaded.")
def show_status(every: bool) -> list[dict[str, Any]]:
    """Each list with its version in force, its age, and whether that still is fresh enough."""
    with transaction() as session:
        return [asdict(one) for one in status(session, every=every)]


@command(lists_group, "check")
@click.argument("list_id")
@click.option("--new", "only_new", is_flag=True, help="Only about people who were not asked about yet.")
def ask(list_id: str, only_new: bool) -> dict[str, Any]:
    """Ask the service of a list, such as at.ecg.api, about everybody whom it concerns."""
    return asdict(check(list_id=list_id, actor=OPERATOR, anew=not only_new))


@command(lists_group, "match")
@click.argument("list_id")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--country", default=None, help="Country of numbers without a country code.")
def show_matches(list_id: str, addresses: tuple[str, ...], country: str | None) -> list[dict[str, Any]]:
    """Whether the version in force names these addresses. A person: "Forename Surname; street 1; 1234 town"."""
    with transaction() as session:
        return [asdict(one) for one in match(session, list_id=list_id, addresses=addresses, country=country)]


@command(lists_group, "diff")
@click.argument("list_id")
@click.argument("before", type=int, metavar="V1")
@click.argument("after", type=int, metavar="V2")
def show_difference(list_id: str, before: int, after: int) -> dict[str, Any]:
    """How many records and how many of our addresses came and went between two versions of a list."""
    with transaction() as session:
        return asdict(difference(session, list_id=list_id, before=before, after=after))


@command(lists_group, "remove")
@click.argument("list_id")
@AS
@REASON
def take_away(list_id: str, user: str, reason: str) -> dict[str, Any]:
    """Take the version in force away; the list is missing then and holds those whom it concerns."""
    return _switched(remove, list_id, user, reason)


@command(lists_group, "expire")
@click.argument("list_id")
@AS
@REASON
def let_expire(list_id: str, user: str, reason: str) -> dict[str, Any]:
    """Treat the version in force as too old from now on."""
    return _switched(expire, list_id, user, reason)


def _switched(verb: Callable[..., int], list_id: str, user: str, reason: str) -> dict[str, Any]:
    with transaction() as session:
        actor: Actor = users.actor(session, user)
        version = verb(session, list_id=list_id, actor=actor, reason=reason)
        return {"list": list_id, "version": version, "state": _state(session, list_id)}


def _state(session: Session, list_id: str) -> str:
    return next(one.state for one in status(session, every=True) if one.list == list_id)


@command(import_group, "optouts")
@import_options
def import_optouts(file: Path, **options: Any) -> dict[str, int | str | None]:
    """Import objections, complaints and dead addresses. What is stored stays; an import lifts nothing.

    It answers when no mail is on its way to any of them, or after ten seconds with how many still are.
    """
    done = run(OptOutIntake(), file, **options)
    return done | {"on_its_way": 0 if options["dry_run"] else wait_for_departures()}
