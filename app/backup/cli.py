"""`crusoe backup`: make one, check one, draw the key that opens them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from app.backup import checking, contents, keeping, making
from app.backup.locks import Lock, Openers, draw, locks, opened, secret_of
from app.backup.progress import Progress
from app.supervisor.home import plain_sentences
from core import clock
from core.cli import command
from core.errors import CrusoeError, WrongInput
from core.sentences import packed, say
from core.settings import named_secret, settings

# The name of a variable, not a passphrase.
PASSPHRASE = "CRUSOE_BACKUP_PASSPHRASE"  # noqa: S105


class UsualCommand(click.Group):
    """A group whose first word may be left out: what is no command of it is an argument of the usual one."""

    usual = "make"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the usual command in front where none is named."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [self.usual, *args]
        return super().parse_args(ctx, args)


@click.group("backup", cls=UsualCommand)
def backup_group() -> None:
    """One encrypted file with all that this installation needs to come back (`crusoe backup [TO]`)."""


@command(backup_group, "make")
@click.argument("to", type=click.Path(path_type=Path), required=False)
@click.option("--keep", type=click.IntRange(min=1), default=None, help="Remove all but the N newest of the folder.")
@click.option("--to-key", "recipients", multiple=True, metavar="KEY", help="A public key that may open it.")
@click.option("--without-keys", is_flag=True, help="Leave the key file out; then keep it in another place.")
@click.option(
    "--keys", "keys_to", type=click.Path(path_type=Path, dir_okay=False), help="Put it into FILE, not in here."
)
def make(
    to: Path | None, keep: int | None, recipients: tuple[str, ...], keys_to: Path | None, *, without_keys: bool
) -> dict[str, Any]:
    """Make a backup, as the file TO or under a name of its own in the folder TO."""
    place, keys_file = _place(to), keys_to or settings().backup_keys
    wanted = recipients or tuple(filter(None, (settings().backup_recipients or "").replace(",", " ").split()))
    passphrase = named_secret(PASSPHRASE) or None
    if not wanted and not passphrase:
        raise WrongInput(
            "no_lock",
            say("Nobody is named who may open the backup."),
            say(
                "Draw a key with `crusoe backup key FILE`, keep FILE apart from this machine, and set"
                " CRUSOE_BACKUP_RECIPIENTS to the public key; or set CRUSOE_BACKUP_PASSPHRASE."
            ),
        )

    def lock(key: bytes) -> list[Lock]:
        return locks(key, recipients=wanted, passphrase=passphrase)

    with keeping.alone(), plain_sentences(place.parent), Progress() as shown:
        try:
            apart = without_keys or keys_file is not None
            if keys_file is not None and not without_keys:
                # First, so that there is never a backup without its keys.
                making.make_keys(keys_file, locks=lock)
            made = making.make(place, locks=lock, with_keys=not apart, tell=shown.tell)
        except CrusoeError as error:
            keeping.note(failed_at=clock.now().isoformat(), trouble=packed(error.told()))
            raise
        except OSError as error:
            keeping.note(failed_at=clock.now().isoformat(), trouble=str(error))
            raise
        keeping.note(at=made.manifest["at"], file=str(made.file), bytes=made.bytes)
        gone = keeping.thin_out(place.parent, keep=keep or settings().backup_keep) if _may_thin(to, keep) else []
    return _answer(made.manifest, file=made.file, size=made.bytes) | {"seconds": made.seconds, "removed": gone}


@command(backup_group, "check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", "key_files", multiple=True, type=click.Path(path_type=Path), help="A file with a secret key.")
def check(file: Path, key_files: tuple[Path, ...]) -> dict[str, Any]:
    """Read a backup through, from the first byte to the last; exit code 1 when anything is not as it was written."""
    unlock = unlocker(key_files)
    with Progress() as shown:
        manifest = checking.read_through(file, unlock=unlock, tell=shown.tell)
    return _answer(manifest, file=file, size=file.stat().st_size)


@command(backup_group, "key")
@click.argument("file", type=click.Path(path_type=Path))
def new_key(file: Path) -> dict[str, Any]:
    """Draw a pair of keys: the secret one goes into FILE, the public one is printed."""
    with plain_sentences(file.parent):
        return {"file": str(file), "public_key": draw(file), "setting": "CRUSOE_BACKUP_RECIPIENTS"}


def unlocker(key_files: Sequence[Path]) -> checking.Unlock:
    """Opens backups with these files and the passphrase of the environment."""
    openers = Openers(tuple(secret_of(path) for path in key_files), named_secret(PASSPHRASE) or None)
    return lambda found: opened(found, openers)


def _place(to: Path | None) -> Path:
    if to is None:
        return keeping.folder() / keeping.fresh_name()
    return to / keeping.fresh_name() if to.is_dir() or str(to).endswith(os.sep) else to


def _may_thin(to: Path | None, keep: int | None) -> bool:
    """Nothing is removed from a folder that somebody named, unless they also said how many to keep."""
    return keep is not None or to is None


def _answer(manifest: dict[str, Any], *, file: Path, size: int) -> dict[str, Any]:
    names = ("at", "version", "migration", "postgres", "keys", "with_keys", "evidence", "journal", "runs")
    return {
        "file": str(file),
        "bytes": size,
        "files": len(manifest["entries"]),
        "database_sha256": next(one["sha256"] for one in manifest["entries"] if one["name"] == contents.DATABASE),
    } | {name: manifest[name] for name in names}
