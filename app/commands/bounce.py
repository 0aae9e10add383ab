"""`crusoe bounce`: what a mail that came back means, and taking one in."""

from pathlib import Path
from typing import Any

import click

from core.cli import command
from core.errors import NotFound
from core.sentences import say
from delivery import Reader


@click.group("bounce")
def bounce_group() -> None:
    """Mail that comes back: bounces, complaints, answers of machines."""


@command(bounce_group, "classify")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def classify(files: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Say what these mails mean, one line for each recipient. Nothing is stored."""
    with Reader() as reader:
        return [line for file in files for line in _lines(reader, file)]


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
