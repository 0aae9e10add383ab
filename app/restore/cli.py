"""`crusoe restore`: bring an installation back, read the journal back, and end the quarantine."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import click

from app.backup.cli import UsualCommand, unlocker
from app.backup.progress import Progress
from app.restore import bringing, releasing, replaying
from app.supervisor.home import plain_sentences
from core import audit, clock, quarantine, users
from core.cli import command
from core.db import transaction
from core.permissions import Permission
from core.sentences import say
from core.settings import settings
from delivery import resolve_sent
from suppression import missing_lines

AS = click.option("--as", "user", required=True, metavar="U", help="Who does it: a user's e-mail address.")
LOST_AT = click.option("--lost-at", default=None, metavar="T", help="When the lost installation last took objections.")
CHUNK = 1_000
# What may be a Message-ID of ours; whether it is one, its seal says.
MAIL_ID = re.compile(r"<\d{1,19}\.[a-z0-9]{8,64}@[^<>\s@]{1,255}>", re.IGNORECASE)


class Restoring(UsualCommand):
    """`crusoe restore FILE` and its other commands."""

    usual = "file"


@click.group("restore", cls=Restoring)
def restore_group() -> None:
    """Bring an installation back from a backup (`crusoe restore FILE`); it sends nothing until it is released."""


@command(restore_group, "file")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", "key_files", multiple=True, type=click.Path(path_type=Path), help="A file with a secret key.")
@click.option(
    "--keys", "keys_of", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The keys, if apart."
)
@click.option("--replace", is_flag=True, help="What is in this home and its database now may go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@LOST_AT
def bring(
    file: Path, key_files: tuple[Path, ...], keys_of: Path | None, lost_at: str | None, *, replace: bool, yes: bool
) -> dict[str, Any]:
    """Bring an installation back from FILE, in quarantine. Nothing may run in this home."""

    def agree(manifest: dict[str, Any]) -> None:
        if not yes:
            click.confirm(f"Replace the database of {settings().home} by the backup of {manifest['at']}?", abort=True)

    moment = lost_at or clock.now().isoformat()
    with plain_sentences(settings().home), Progress() as shown:
        return bringing.restore(
            file,
            unlock=unlocker(key_files),
            keys_of=keys_of,
            replace=replace,
            lost_at=moment,
            agree=agree,
            tell=shown.tell,
        )


@command(restore_group, "status")
def show() -> dict[str, Any]:
    """Whether this installation is in quarantine, since when, why, and what is to be done."""
    with transaction() as session:
        found = quarantine.standing(session)
        lost = missing_lines(session)
        journal = {"missing": lost.lines if lost else 0, "missing_since": lost.since if lost else None}
        if found is None:
            return {"quarantined": False, "journal": journal}
        names = ("begun_at", "cause", "details", "settled_at", "replayed_at", "replay", "asked_by", "ask_reason")
        return {
            "quarantined": True,
            "journal": journal,
            **{name: getattr(found, name) for name in names},
            "obstacles": releasing.obstacles(session, found),
        }


@command(restore_group, "replay")
@click.argument("journal", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@AS
@LOST_AT
def replay(journal: Path | None, user: str, lost_at: str | None) -> dict[str, Any]:
    """Store again what JOURNAL knows (else the journal of this home): objections, blocks, erasures, launches."""
    with transaction() as session:
        return asdict(replaying.replay(session, file=journal, actor=users.actor(session, user), lost_at=lost_at))


@command(restore_group, "sent")
@click.argument("log", type=click.File("r", errors="replace"))
@AS
def sent(log: Any, user: str) -> dict[str, Any]:
    """Messages in doubt whose Message-ID stands in LOG, such as the log of a relay, count as sent."""
    found = (name for line in log for name in MAIL_ID.findall(line))
    named = resolved = 0
    for chunk in _chunks(found):
        with transaction() as session:
            actor = users.actor(session, user)
            actor.require(Permission.RELEASE_HOLDS)
            ended = resolve_sent(session, mail_ids=chunk)
            named, resolved = named + len(chunk), resolved + ended
            audit.record(
                session,
                actor=actor.email,
                user_id=actor.id,
                action="quarantine.sent",
                object_type="message",
                object_id="log",
                reason=str(say("Message-IDs in %(file)s", file=Path(log.name).name)),
                named=len(chunk),
                resolved=ended,
            )
    return {"named": named, "resolved": resolved}


@command(restore_group, "release")
@AS
@click.option("--reason", required=True, help="Why it may send again.")
@click.option("--without-journal", is_flag=True, help="Though the journal is missing or not whole: takes two people.")
def release(user: str, reason: str, *, without_journal: bool) -> dict[str, Any]:
    """Let campaigns be sent again. Refused while the journal was not read back to its end."""
    with transaction() as session:
        actor = users.actor(session, user)
        return releasing.release(session, actor=actor, reason=reason, without_journal=without_journal)


def _chunks(names: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(names, CHUNK)):
        yield chunk
