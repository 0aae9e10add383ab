"""`crusoe block …`: what the house does not write to, and how that is taken back by two."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address
from contacts.cli import import_options, run
from contacts.importing import Rejected
from contacts.models import Channel, Controller
from core import audit, users
from core.cli import command
from core.db import transaction
from core.errors import NotFound, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression import block_changes, block_list, lifting, restoring
from suppression.block_intake import BlockIntake, until
from suppression.block_targets import target
from suppression.blocks import Block, BlockKind, add_block
from suppression.cases import close_case, open_case
from suppression.departures import wait_for_departures

AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the user who acts.")
SYSTEM = "command line"


@click.group("block")
def block_group() -> None:
    """Blocks of the house: add them, list them, take them back by two, exchange them as CSV."""


def _editor(session: Session, user: str) -> Actor:
    actor = users.actor(session, user)
    actor.require(Permission.EDIT_SUPPRESSION)
    return actor


@command(block_group, "add")
@click.argument("what")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in BlockKind]),
    default=BlockKind.OWN_DECISION.value,
    show_default=True,
)
@click.option(
    "--channel",
    type=click.Choice([channel.value for channel in Channel]),
    default=None,
    help="Only there; else on all channels.",
)
@click.option("--purpose", default=None, metavar="P", help="Only for this purpose; else for all.")
@click.option("--controller", default=None, metavar="CODE", help="Only for this brand; else for all.")
@click.option("--until", "end", default="", metavar="DAY", help="To the end of this day; else for good.")
@click.option("--reason", required=True, help="Who decided it, and why.")
@AS
def add(what: str, kind: str, end: str, user: str, **scope: str | None) -> dict[str, Any]:
    """Do not write to WHAT any more.

    WHAT is anna@firma.example, @firma.example (this domain), *.firma.example (the domain and all below it) or
    company:NAME. Example: crusoe block add '*.rival.example' --kind competitor --reason "rival" --as U
    """
    with transaction() as session:
        actor, channel = _editor(session, user), scope["channel"]
        block = Block(
            target=target(what),
            kind=BlockKind(kind),
            channel=Channel(channel) if channel else None,
            purpose=scope["purpose"],
            controller_id=_controller(session, scope["controller"]),
            until=_until(end),
            reason=scope["reason"] or "",
        )
        stored = add_block(session, block, actor=actor)
    answer = {"entry": stored.entry_id, "created": stored.created, "what": block.target.text, "kind": kind}
    return answer | {"on_its_way": wait_for_departures()}


def _until(written: str) -> Any:
    try:
        return until(written)
    except Rejected as error:
        raise WrongInput(error.reason, error.explanation, where="--until") from error


def _controller(session: Session, code: str | None) -> int | None:
    if code is None:
        return None
    found = session.scalar(select(Controller.id).where(Controller.code == code))
    if found is None:
        raise NotFound("controller_unknown", say("There is no controller %(code)s.", code=repr(code)))
    return found


@command(block_group, "list")
@click.option("--all", "everything", is_flag=True, help="Also those that were lifted or are over.")
@click.option("--requests", is_flag=True, help="Instead: requests to lift an entry that wait for an answer.")
def list_blocks(*, everything: bool, requests: bool) -> list[dict[str, Any]]:
    """The blocks that stand. Where no contact has the address any more, its hash is shown."""
    with transaction() as session:
        if requests:
            return [asdict(one) for one in lifting.open_requests(session)]
        return list(block_list.rows(session, everything=everything))


@command(block_group, "changes")
@click.option("--from", "first", default=None, metavar="DAY", help="Not before this day, such as 2026-11-01.")
@click.option("--to", "last", default=None, metavar="DAY", help="Not after this day.")
@click.option("--by", default=None, metavar="WHO", help="Only by this person.")
def show_changes(by: str | None, first: str | None, last: str | None) -> list[dict[str, Any]]:
    """Who changed the block list, when and why, the newest first: blocks, lifts, files."""
    with transaction() as session:
        return block_changes.changes(session, by=by, asked={"from": first, "to": last})


@command(block_group, "lift")
@click.argument("entry", type=int)
@click.option("--refuse", is_flag=True, help="Answer the open request with no; also takes an own request back.")
@click.option("--reason", required=True, help="Why the entry shall no longer count, or why it shall.")
@AS
def lift(entry: int, *, refuse: bool, reason: str, user: str) -> dict[str, Any]:
    """Ask that ENTRY no longer count; when somebody else has asked already, agree. It takes two people."""
    with transaction() as session:
        actor = users.actor(session, user)
        waiting = lifting.open_requests(session, entry_ids=[entry])
        if refuse:
            if not waiting:
                raise NotFound("request_unknown", say("Nobody has asked to lift the entry %(entry)s.", entry=entry))
            lifting.refuse_to_lift(session, request_id=waiting[0].id, actor=actor, reason=reason)
            return _lifted(entry, "refused", waiting[0].id, waiting[0].asked_by, actor)
        if waiting:
            lifting.agree_to_lift(session, request_id=waiting[0].id, actor=actor, reason=reason)
            return _lifted(entry, "lifted", waiting[0].id, waiting[0].asked_by, actor)
        request = lifting.ask_to_lift(session, entry_id=entry, actor=actor, reason=reason)
        return _lifted(entry, "asked", request, actor.email, None)


def _lifted(entry: int, state: str, request: int, asked_by: str, answered_by: Actor | None) -> dict[str, Any]:
    answered = answered_by.email if answered_by else None
    return {"entry": entry, "state": state, "request": request, "asked_by": asked_by, "answered_by": answered}


@command(block_group, "import")
@import_options
@AS
def import_blocks(file: Path, user: str, **options: Any) -> dict[str, int | str | None]:
    """Import blocks: columns what, kind, channel, purpose, controller, until, reason. It lifts nothing."""
    with transaction() as session:
        actor = _editor(session, user)
    done = run(BlockIntake(by=actor.email), file, **options)
    return done | {"on_its_way": 0 if options["dry_run"] else wait_for_departures()}


@command(block_group, "export")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
@AS
def export(out: Path, user: str) -> dict[str, Any]:
    """Write the blocks that stand to a CSV file, in the columns that `block import` reads."""
    with transaction() as session:
        actor = users.actor(session, user)
        actor.require(Permission.EXPORT_CONTACTS)
        lines = -1
        with out.open("w", encoding="utf-8", newline="") as file:
            for line in block_list.as_csv(session):
                file.write(line)
                lines += 1
        audit.record(
            session,
            actor=actor.email,
            user_id=actor.id,
            action="blocks.export",
            object_type="blocks",
            object_id="list",
            rows=lines,
        )
    return {"file": str(out), "blocks": lines}


@command(block_group, "restore")
@AS
def restore(user: str) -> dict[str, Any]:
    """After a database was restored from a backup: store what the journal in the home knows and the database lost."""
    with transaction() as session:
        return asdict(restoring.read_back(session, actor=users.actor(session, user)))


@command(block_group, "open-case")
@click.argument("case")
@click.argument("addresses", nargs=-1, required=True)
@AS
def begin_case(case: str, addresses: tuple[str, ...], user: str) -> dict[str, Any]:
    """Hold advertising to ADDRESSES while the complaint or service case CASE is open."""
    with transaction() as session:
        actor, emails = _editor(session, user), [email_address(one) for one in addresses]
        return asdict(open_case(session, case=case, system=SYSTEM, emails=emails, by=f"user:{actor.email}"))


@command(block_group, "close-case")
@click.argument("case")
@AS
def end_case(case: str, user: str) -> dict[str, Any]:
    """The case is settled: what it held may be decided about as before. Ends cases of every system."""
    with transaction() as session:
        actor = _editor(session, user)
        return asdict(close_case(session, case=case, system=None, by=f"user:{actor.email}"))
