"""Reading a backup through: every piece decrypted, every digest compared, the dump understood by `pg_restore`."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.backup import contents
from app.backup.locks import Lock
from app.backup.parcel import ParcelReader
from app.backup.sealed_stream import SealedReader, damaged
from core.embedded.postgres import environment
from core.embedded.programs import program
from core.errors import WrongInput
from core.sentences import say

Unlock = Callable[[Sequence[Lock]], bytes]


def read_through(
    file: Path, *, unlock: Unlock, tell: Callable[[str, int], None] = lambda _name, _bytes: None
) -> dict[str, Any]:
    """Read a whole backup and answer its manifest. Raises WrongInput when anything is missing or was changed."""
    understood = False
    with file.open("rb") as opened:
        parcel = ParcelReader(SealedReader(opened, unlock=unlock))
        for name, blocks in parcel.entries():
            tell(f"check {name}", 0)
            if name == contents.DATABASE:
                understood = _understood(blocks)
    if not understood:
        raise damaged()
    return parcel.manifest


def read_keys(file: Path, *, unlock: Unlock) -> dict[str, Any]:
    """The same for a file of key material; WrongInput when it is none."""
    with file.open("rb") as opened:
        parcel = ParcelReader(SealedReader(opened, unlock=unlock))
        for _name, blocks in parcel.entries():
            for _block in blocks:
                pass
    if parcel.manifest.get("only") != "keys":
        raise WrongInput("no_keys", say("%(file)s holds no keys of a backup.", file=file), where="--keys")
    return parcel.manifest


def _understood(dump: Iterator[bytes]) -> bool:
    """Whether `pg_restore` reads the dump to its end: it unpacks every row and looks at no database."""
    process = subprocess.Popen(
        [program("pg_restore"), "--file=/dev/null"],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None  # noqa: S101 - tells the type checker what PIPE means
        try:
            for block in dump:
                process.stdin.write(block)
            process.stdin.close()
        except BrokenPipeError:
            return False
        return process.wait() == 0
    finally:
        process.kill()
        process.wait()
