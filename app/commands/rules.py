"""`crusoe rules`: look at the versions of the rules, propose a new one, see what it would do, put it into force."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.apply.rule_file import changed
from app.apply.source import read
from campaigns import effects
from core import users
from core.cli import command
from core.db import transaction
from core.permissions import Permission
from suppression import current, differences, propose, put_into_force, version, versions


@click.group("rules")
def rules_group() -> None:
    """The rules that decide: numbered versions, proposed by one person and put into force by another."""


@command(rules_group, "list")
def show_all() -> list[dict[str, Any]]:
    """Every version, the newest first."""
    with transaction() as session:
        return [asdict(one) for one in versions(session)]


@command(rules_group, "show")
@click.argument("number", type=int)
def show(number: int) -> dict[str, Any]:
    """One version with every number and every row of law."""
    with transaction() as session:
        found = version(session, number)
        return {"version": found.version, **found.settings.model_dump(mode="json")}


@command(rules_group, "diff")
@click.argument("before", type=int)
@click.argument("after", type=int)
def diff(before: int, after: int) -> list[dict[str, Any]]:
    """What is different between two versions."""
    with transaction() as session:
        old, new = version(session, before).settings, version(session, after).settings
    return [asdict(one) for one in differences(old, new)]


@command(rules_group, "propose")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "person", required=True, metavar="U", help="Who proposes it.")
@click.option("--note", default="", help="Why.")
def propose_file(file: Path, person: str, note: str) -> dict[str, Any]:
    """Store what FILE says as a new version that is not in force yet.

    Keys that are not in the file stay as they are in force. `policies` replaces all rows of the countries it names.
    """
    source = read(file)
    with transaction() as session:
        actor = users.actor(session, person)
        actor.require(Permission.PROPOSE_RULES)
        in_force = current(session)
        wanted = changed(source, base=in_force.settings)
        number = propose(session, wanted, actor=actor.email, note=note)
        found = differences(in_force.settings, wanted)
    return {"version": number, "in_force": in_force.version, "changes": [asdict(one) for one in found]}


@command(rules_group, "effect")
@click.argument("number", type=int)
def effect(number: int) -> list[dict[str, Any]]:
    """How many people of each planned campaign would get another verdict under this version, and why."""
    with transaction() as session:
        found = [asdict(one) for one in effects(session, rules=version(session, number))]
        # Asking looks new addresses up in the lists and notes the hits; that is left to those who send.
        session.rollback()
    return found


@command(rules_group, "activate")
@click.argument("number", type=int)
@click.option("--as", "person", required=True, metavar="U", help="Who agrees; not the person who proposed it.")
def activate(number: int, person: str) -> dict[str, Any]:
    """Put a version into force. Approvals given under the rules before are void."""
    with transaction() as session:
        actor = users.actor(session, person)
        actor.require(Permission.ACTIVATE_RULES)
        put_into_force(session, number, actor=actor)
    return {"version": number, "in_force": True}
