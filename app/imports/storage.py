"""Where uploads lie until they are imported, and rejected rows until they are tidied away: `imports/` in the home."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import IO

from core.settings import settings

DAY = 24 * 3600.0
# An upload that is still arriving after a day is none.
LONGEST_UPLOAD = DAY
# So many rejected rows are shown on the page of an import; the file has them all.
SHOWN_ERRORS = 50


@dataclass(frozen=True)
class Folder:
    """The folder of one import: `imports/<id>/`."""

    import_id: int

    @property
    def path(self) -> Path:
        """The folder itself."""
        return home() / str(self.import_id)

    @property
    def upload(self) -> Path:
        """The folder of the upload: its name is kept as evidence of the source, and must not meet ours."""
        return self.path / "upload"

    @property
    def mapping(self) -> Path:
        """The mapping that was typed beside it."""
        return self.path / "mapping.yaml"

    @property
    def rejected(self) -> Path:
        """The rows that were not stored, with line, field and reason."""
        return self.path / "rejected.csv"

    @property
    def explained(self) -> Path:
        """Why the first of them were not stored, as sentences that can be translated."""
        return self.path / "explained.json"

    def keep(self, stream: IO[bytes], *, name: str) -> int:
        """Keep an upload; answers its size in bytes. What `arriving` made is linked, not copied."""
        self.upload.mkdir(parents=True, mode=0o700)
        target = self.upload / name
        try:
            os.link(stream.name, target)
        except (OSError, AttributeError):
            # Not every file system has hard links.
            with target.open("xb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
        return target.stat().st_size

    def drop_upload(self) -> None:
        """Remove the upload; rejected rows stay."""
        shutil.rmtree(self.upload, ignore_errors=True)
        self.mapping.unlink(missing_ok=True)
        self.remove_empty()

    def remove_empty(self) -> None:
        """Remove the folder when nothing was rejected."""
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


def home() -> Path:
    """The folder of all imports, readable by the owner only: it holds personal data."""
    folder = settings().home / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def arriving() -> IO[bytes]:
    """A file for what somebody is sending right now. It is gone when it is closed, unless it was kept."""
    folder = home() / "arriving"
    folder.mkdir(exist_ok=True, mode=0o700)
    return tempfile.NamedTemporaryFile(dir=folder)


def folders() -> Iterator[tuple[Folder, float]]:
    """The folders of all imports with their age in seconds."""
    for path in home().iterdir():
        if path.name.isdigit():
            yield Folder(int(path.name)), time() - path.stat().st_mtime


def tidy_files(*, older_than: float) -> int:
    """Remove uploads that never arrived, and rejected rows of the command line of that age; answers how many."""
    old = [*_older(home().glob("arriving/*"), LONGEST_UPLOAD)]
    old += _older((settings().home / "import-errors").glob("*.csv"), older_than)
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _older(paths: Iterable[Path], seconds: float) -> Iterator[Path]:
    for path in paths:
        if path.is_file() and time() - path.stat().st_mtime > seconds:
            yield path
