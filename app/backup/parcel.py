"""What lies inside of a backup: entries one after the other, and at the end a manifest with the digest of each.

An entry is its name, then blocks with their lengths, then a block of length nothing. So its length need not be known
when it begins: a dump of the database is written while the database is read.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from app.backup.sealed_stream import SealedReader, SealedWriter, damaged

BLOCK = 1 << 18
LONGEST_NAME = 4096
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """One thing in a backup: `database.dump`, or a file of the home as `home/<path>`."""

    name: str
    bytes: int
    sha256: str


class ParcelWriter:
    """Puts entries into a sealed stream and remembers their digests."""

    def __init__(self, sealed: SealedWriter) -> None:
        self._sealed = sealed
        self.entries: list[Entry] = []

    def add(self, name: str, blocks: Iterable[bytes]) -> Entry:
        """Write one entry; answers it with its digest."""
        digest, size = sha256(), 0
        self._number(len(name.encode()))
        self._sealed.write(name.encode())
        for block in blocks:
            if block:
                digest.update(block)
                size += len(block)
                self._number(len(block))
                self._sealed.write(block)
        self._number(0)
        entry = Entry(name, size, digest.hexdigest())
        self.entries.append(entry)
        return entry

    def finish(self, facts: dict[str, Any]) -> None:
        """Write the manifest: the facts about the backup, and all entries. Nothing may follow."""
        said = facts | {"entries": [asdict(entry) for entry in self.entries]}
        self.add(MANIFEST, [json.dumps(said, indent=1).encode()])
        self._number(0)
        self._sealed.close()

    def _number(self, number: int) -> None:
        self._sealed.write(number.to_bytes(4, "big"))


class ParcelReader:
    """Takes entries out of a sealed stream, in the order in which they were written."""

    def __init__(self, sealed: SealedReader) -> None:
        self._sealed = sealed
        self._seen: list[Entry] = []
        self.manifest: dict[str, Any] = {}

    def entries(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each entry with its blocks, which must be read before the next one; at the end all digests are compared.

        Raises WrongInput where anything is missing or not as the manifest says.
        """
        while length := self._number():
            if length > LONGEST_NAME:
                raise damaged()
            name = self._sealed.exactly(length).decode()
            if not is_safe(name):
                raise damaged()
            blocks = self._blocks(name)
            if name == MANIFEST:
                self.manifest = json.loads(b"".join(blocks))
            else:
                yield name, blocks
                for _left in blocks:
                    pass
        self._compare()

    def _blocks(self, name: str) -> Iterator[bytes]:
        digest, size = sha256(), 0
        while length := self._number():
            left = length
            while left:
                block = self._sealed.exactly(min(left, BLOCK))
                left -= len(block)
                digest.update(block)
                size += len(block)
                yield block
        self._seen.append(Entry(name, size, digest.hexdigest()))

    def _compare(self) -> None:
        seen = [asdict(entry) for entry in self._seen if entry.name != MANIFEST]
        if self.manifest.get("entries") != seen or self._sealed.read(1):
            raise damaged()

    def _number(self) -> int:
        return int.from_bytes(self._sealed.exactly(4), "big")


def is_safe(name: str) -> bool:
    """Whether a name stays below the folder that it is put into."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
