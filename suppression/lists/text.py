"""Text files as list operators hand them out, read strictly: complete lines of the promised encoding, or nothing.

A file that was cut off is told by its last line, which has no end. That is why every line must have one, the last
included: half a number may be somebody else's number.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from core.sentences import say
from suppression.lists.adapter import broken, empty, unreadable

LONGEST_LINE = 20_000
BLOCK = 20_000
MOST_PARTS = 2_000
MOST_BYTES = 16 * 1024**3

ZIP = b"PK\x03\x04"

T = TypeVar("T")


class Line(NamedTuple):
    """One line without its end. `number` counts from 1 within its file."""

    number: int
    text: str


def head(path: Path, size: int = 4) -> bytes:
    """The first bytes of a file; one without any is refused."""
    try:
        with path.open("rb") as file:
            found = file.read(size)
    except OSError as error:
        raise unreadable(path, error) from error
    if not found:
        raise empty(path)
    return found


def parts(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """The file itself, or each file inside when it is an archive (ZIP), with a name for complaints."""
    if head(path) != ZIP:
        with path.open("rb") as file:
            yield path, file
        return
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [one for one in archive.infolist() if not one.is_dir()]
            if len(inside) > MOST_PARTS or sum(one.file_size for one in inside) > MOST_BYTES:
                raise broken(path, 0, say("The archive is larger than any such list."))
            # All sums are checked before anything is believed.
            if archive.testzip() is not None:
                raise broken(path, 0, say("The archive is damaged or locked."))
            for one in sorted(inside, key=lambda found: found.filename):
                with archive.open(one) as file:
                    yield path / one.filename, file
    # A compression that zipfile does not know is a NotImplementedError, a locked archive a RuntimeError.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise broken(path, 0, say("The archive is damaged or locked.")) from error


def lines(path: Path, file: IO[bytes], *, encoding: str) -> Iterator[Line]:
    """The lines of a file; nothing but complete ones of this encoding, without characters that no text has."""
    text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
    number = 0
    try:
        while line := text.readline(LONGEST_LINE):
            number += 1
            if not line.endswith("\n"):
                raise broken(path, number, _unfinished(line))
            if "\0" in line or "\ufeff" in line:
                raise broken(path, number, say("It is not written in the encoding %(name)s.", name=encoding))
            yield Line(number, line.rstrip("\r\n"))
    except UnicodeError as error:
        raise broken(path, number + 1, say("It is not written in the encoding %(name)s.", name=encoding)) from error


def _unfinished(line: str) -> str:
    if len(line) >= LONGEST_LINE:
        return say("A line is longer than any of such a list.")
    return say("The last line has no end, so the file was cut off.")


def rows(
    path: Path, found: Iterable[Line], *, delimiter: str = ",", columns: int | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, each with as many fields as the first, or as `columns` says."""
    reader = csv.reader((f"{line.text}\n" for line in found), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise broken(path, reader.line_num, say("The quotation marks do not fit together.")) from error
        columns = columns or len(row)
        if len(row) != columns:
            raise broken(
                path,
                reader.line_num,
                say("A line has %(found)s fields instead of %(wanted)s.", found=len(row), wanted=columns),
            )
        yield reader.line_num, row


def without_blank_end(path: Path, found: Iterable[Line]) -> Iterator[Line]:
    """The lines, of which empty ones may stand at the end only."""
    blank = 0
    for line in found:
        if not line.text.strip():
            blank = blank or line.number
            continue
        if blank:
            raise broken(path, blank, say("There is an empty line."))
        yield line


def entries(path: Path, read: Callable[[Path, IO[bytes]], Iterator[T]]) -> Iterator[T]:
    """What a reader finds in all parts of a file. A part without anything, and a file without any, are refused."""
    for name, file in parts(path):
        some = False
        for one in read(name, file):
            some = True
            yield one
        if not some:
            raise empty(name)


def blocks(found: Iterable[bytes], *, size: int = BLOCK) -> Iterator[list[bytes]]:
    """Digests by the twenty thousand, so that memory does not grow with the file."""
    rest = iter(found)
    while block := list(islice(rest, size)):
        yield block


def peek(path: Path, *, encoding: str, whole: bool = True) -> Line:
    """The first line, from which a reader learns which of several layouts a file has; or what begins it."""
    for name, file in parts(path):
        if not whole:
            return Line(1, file.read(200).partition(b"\n")[0].decode("ascii", "replace"))
        for line in lines(name, file, encoding=encoding):
            return line
    raise empty(path)
