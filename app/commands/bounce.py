"""`crusoe bounce`: what a mail that came back means, and taking one in."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import click

from app.returns import take
from core.cli import command
from core.db import transaction
from core.errors import NotFound
from core.sentences import say
from delivery import Reader, doubts
from delivery.models import Way


@click.group("bounce")
def bounce_group() -> None:
    """Mail that comes back: bounces, complaints, answers of machines."""


@command(bounce_group, "classify")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def classify(files: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Say what these mails mean, one line for each recipient. Nothing is stored."""
    with Reader() as reader:
        return [line for file in files for line in _lines(reader, file)]


@command(bounce_group, "intake")
@click.option("--to", "envelope", multiple=True, help="Whom the mail was addressed to, where the mail server says so.")
@click.argument("mail", type=click.File("rb"), default="-")
def intake(mail: BinaryIO, envelope: tuple[str, ...]) -> dict[str, Any]:
    """Take in one mail, from a file or the standard input, as a mail server pipes it."""
    taken = take(mail.read(), way=Way.PIPE, envelope=envelope)
    return {
        "sha256": taken.sha256,
        "known": taken.known,
        "believed": taken.message_id is not None,
        "message": taken.message_id,
        "classes": [one.value for one in taken.classes],
        "opted_out": taken.opted_out,
        "suppressed": taken.suppressed,
        "fault": taken.fault,
    }


@command(bounce_group, "unknown")
def unknown() -> list[dict[str, Any]]:
    """The campaigns with messages of which nobody knows whether they arrived."""
    with transaction() as session:
        return [asdict(one) for one in doubts(session)]


def _lines(reader: Reader, file: Path) -> list[dict[str, Any]]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise NotFound(
            "file_unreadable",
            say("%(file)s cannot be read: %(why)s.", file=str(file), why=error.strerror or str(error)),
            where=str(file),
        ) from error
    return [
        {
            "file": str(file),
            "class": one.kind.value,
            "status": one.status,
            "reply_code": one.reply_code,
            "recipient": one.recipient,
            "reason": one.reason,
        }
        for one in reader.read(raw).returned
    ]
