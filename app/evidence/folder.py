"""A folder that is written as a bundle: each file is noted with its digest on its way, and the list is signed."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from core import signing
from core.errors import WrongInput
from core.sentences import say


def manifest(entries: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, bytes]:
    """The list of the files of a bundle, and its signature."""
    listed = sorted(entries, key=lambda one: one["path"])
    content = (json.dumps(dict(about) | {"files": listed}, indent=1, sort_keys=True) + "\n").encode()
    return {"manifest.json": content, "manifest.sig": f"{signing.sign(content).hex()}\n".encode()}


def entry(path: str, content: bytes) -> dict[str, Any]:
    """The line of one file in the list."""
    return {"path": path, "bytes": len(content), "sha256": sha256(content).hexdigest()}


def make_empty(folder: Path) -> None:
    """Make a new folder; WrongInput when something lies there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongInput(
            "folder_not_empty",
            say("%(path)s is there already.", path=folder),
            say("Name a new folder, so that nothing in the bundle comes from somewhere else."),
            where="--out",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


class Folder:
    """A bundle on its way to the disk, however large: no file of it is held in memory as a whole."""

    def __init__(self, path: Path) -> None:
        make_empty(path)
        self.path = path
        self._entries: list[dict[str, Any]] = []

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write small files."""
        for name, content in files.items():
            self._file(name).write_bytes(content)
            self._entries.append(entry(name, content))

    def put_lines(self, name: str, lines: Iterable[str]) -> int:
        """Write a file line by line; answers how many there were."""
        digest, size, count = sha256(), 0, 0
        with self._file(name).open("wb") as file:
            for line in lines:
                written = f"{line}\n".encode()
                file.write(written)
                digest.update(written)
                size, count = size + len(written), count + 1
        self._entries.append({"path": name, "bytes": size, "sha256": digest.hexdigest()})
        return count

    def close(self, about: Mapping[str, Any]) -> int:
        """Write the signed list of everything that was put in; answers the bytes of the bundle."""
        signed = manifest(self._entries, about)
        for name, content in signed.items():
            self._file(name).write_bytes(content)
        return sum(int(one["bytes"]) for one in self._entries) + sum(map(len, signed.values()))

    def _file(self, name: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
