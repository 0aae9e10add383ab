"""The files of a backup, put into the home: beside first, and into their places only when the database is back."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from app.backup.contents import KEY_MATERIAL
from core import clock

FOLDER = ".restoring"
# The journal of the home may know more than the one in the backup, so it is never replaced.
JOURNAL = Path("journal/opt-outs.jsonl")


def lay_aside(home: Path, name: str, blocks: Iterator[bytes]) -> None:
    """Write one file of the backup beside the home's own."""
    path = home / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(home: Path) -> list[str]:
    """Move what was laid aside to where it belongs; answers which files of the home it replaced.

    Key files that differ are kept under another name: without them nothing that was made with them can be read.
    """
    replaced = []
    beside = home / FOLDER
    for path in sorted(one for one in beside.rglob("*") if one.is_file()):
        name = path.relative_to(beside)
        place = home / name
        if name == JOURNAL and place.exists() and place.stat().st_size >= path.stat().st_size:
            continue
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if place.exists() and place.read_bytes() != path.read_bytes():
            replaced.append(str(name))
            if name.parts[0] in KEY_MATERIAL or name == JOURNAL:
                place.replace(place.with_name(f"{place.name}.before-{clock.now():%Y%m%d-%H%M%S}"))
        path.replace(place)
    shutil.rmtree(beside, ignore_errors=True)
    return replaced
