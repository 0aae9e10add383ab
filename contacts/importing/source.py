"""A file before its first row is read: its encoding, its delimiter, and whether it is safe to read at all.

One pass over the bytes, in blocks, answers all of it. So a file that cannot be used is refused before anything is
stored, and it is known beforehand whether a cell of 200 MB, which must never get into memory, is to be stepped over.
"""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import IncrementalNewlineDecoder
from pathlib import Path

from charset_normalizer import CharsetMatch, from_bytes

from contacts.importing.intake import Origin
from core.errors import WrongInput
from core.sentences import Count, Sentence, say

BLOCK = 1 << 20
LONGEST_CELL = 32 * 1024
MOST_COLUMNS = 200
# No row within the two limits above is longer; what is longer is a cell that never ends.
LONGEST_LINE = LONGEST_CELL * MOST_COLUMNS
DELIMITERS = ",;\t|"

# UTF-8 first because nearly everything is; a mark at the start of the file beats guessing.
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
SAMPLE = 64 * 1024
USUAL = "cp1252"  # What spreadsheets on Windows write in Western Europe.
MOST_GUESSES = 3


@dataclass(frozen=True)
class Source:
    """A file that can be read: how, and what it is called in the evidence.

    `lines` counts line ends; `endless` says whether some line is longer than any row may be.
    """

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    lines: int
    endless: bool
    origin: Origin


def open_source(path: Path, *, encoding: str | None = None) -> Source:
    """Inspect a file. Every reason not to import it is `WrongInput` with file and, where it has one, line."""
    if not path.is_file():
        raise WrongInput("file_missing", say("There is no such file."), say("Check the path."), where=str(path))
    mark = _mark(path)
    encoding = _known(encoding) if encoding else mark
    try:
        seen = _inspect(path, encoding or "utf-8")
    except NotDecodedError as error:
        encoding = None if encoding else _safe_guess(path)
        if encoding is None:
            raise error.complaint from None
        seen = _inspect(path, encoding)
    encoding = encoding or "utf-8"
    delimiter, header = _header(path, encoding)
    origin = Origin(name=path.name, sha256=seen.digest, path=path)
    return Source(
        path=path,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        lines=seen.lines,
        endless=seen.longest > LONGEST_LINE,
        origin=origin,
    )


def _known(encoding: str) -> str:
    try:
        b"".decode(encoding)
    except LookupError:
        raise WrongInput(
            "encoding_unknown",
            say("There is no encoding %(encoding)s.", encoding=repr(encoding)),
            say("Try utf-8 or cp1252."),
        ) from None
    return encoding


def _mark(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise WrongInput(
            "file_unreadable", say("The file cannot be read: %(why)s.", why=error.strerror), where=str(path)
        ) from error
    return next((name for mark, name in MARKS if start.startswith(mark)), None)


class NotDecodedError(Exception):
    """The bytes have no meaning in the encoding that was tried; `complaint` is what to tell people."""

    def __init__(self, complaint: WrongInput) -> None:
        super().__init__(str(complaint))
        self.complaint = complaint


@dataclass(frozen=True)
class _Seen:
    """What one pass over a file found: its line ends, its longest line in characters, its SHA-256."""

    lines: int
    longest: int
    digest: str


def _inspect(path: Path, encoding: str) -> _Seen:
    """Count the lines and digest the file; refuse what cannot be decoded or has NULs."""
    decoder = IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    digest, line, length, longest = sha256(), 1, 0, 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            try:
                text = decoder.decode(block, final=len(block) < BLOCK)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise NotDecodedError(_not_decoded(path, encoding, line, error)) from error
            _refuse_nul(path, text, line)
            lengths = [len(piece) for piece in text.split("\n")]
            lengths[0] += length
            line, length, longest = line + len(lengths) - 1, lengths[-1], max(longest, *lengths)
    if line == 1 and not length:
        raise WrongInput(
            "file_empty", say("The file is empty."), say("It needs a line of column names."), where=str(path)
        )
    return _Seen(lines=line, longest=longest, digest=digest.hexdigest())


def _refuse_nul(path: Path, text: str, line: int) -> None:
    if "\0" in text:
        raise WrongInput(
            "file_nul",
            say("There is a NUL character, which no text has."),
            say("The file may be UTF-16 without a mark, or damaged: save it as UTF-8."),
            where=f"{path}:{line + text[: text.index(chr(0))].count(chr(10))}",
        )


def _not_decoded(path: Path, encoding: str, line: int, error: UnicodeDecodeError) -> WrongInput:
    guesses = _guesses(_sample(path))
    return WrongInput(
        "encoding",
        _undecoded(encoding, byte=f"0x{error.object[error.start]:02x}", guesses=guesses),
        say("Save it as UTF-8, or name the encoding: --encoding %(name)s.", name=guesses[0] if guesses else USUAL),
        where=f"{path}:{line}",
    )


def _undecoded(encoding: str, *, byte: str, guesses: list[str]) -> Sentence:
    if not guesses:
        return say("The file is not %(encoding)s: byte %(byte)s has no meaning there.", encoding=encoding, byte=byte)
    return say(
        "The file is not %(encoding)s: byte %(byte)s has no meaning there. It may be %(guesses)s.",
        encoding=encoding,
        byte=byte,
        guesses=", ".join(guesses),
    )


def _safe_guess(path: Path) -> str | None:
    """The encoding of a file that is not UTF-8, if it is sure.

    Encodings of one byte all decode nearly anything, so a guess may turn names into others. The usual one is taken when
    every encoding that explains the sampled lines equally well reads them exactly as it does.
    """
    sample = _sample(path)
    try:
        return USUAL if {str(match) for match in _best(sample)} == {sample.decode(USUAL)} else None
    except UnicodeDecodeError:
        return None


def _guesses(sample: bytes) -> list[str]:
    """What the sample may be written in, the usual encoding first."""
    names = {name for match in _best(sample) for name in (match.encoding, *match.could_be_from_charset)}
    return sorted(names, key=lambda name: (name != USUAL, name))[:MOST_GUESSES]


def _best(sample: bytes) -> list[CharsetMatch]:
    """The encodings in which charset-normalizer finds least that makes no sense."""
    matches = list(from_bytes(sample))
    return [match for match in matches if match.chaos == matches[0].chaos]


def _sample(path: Path) -> bytes:
    """The first lines with other than ASCII characters."""
    sample = bytearray()
    with path.open("rb") as file:
        while len(sample) < SAMPLE and (line := file.readline(BLOCK)):
            if not line.isascii():
                sample += line[:SAMPLE]
    return bytes(sample)


def _header(path: Path, encoding: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter that splits the first line best, and the column names."""
    where = f"{path}:1"
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise WrongInput(
            "header_too_long", say("The first line is no list of column names."), say("Add one."), where=where
        )
    try:
        ways = {mark: next(csv.reader([line], delimiter=mark, strict=True), []) for mark in DELIMITERS}
    except csv.Error as error:
        raise WrongInput(
            "header_broken", say("The column names cannot be read: %(problem)s.", problem=error), where=where
        ) from error
    delimiter = max(ways, key=lambda mark: len(ways[mark]))
    header = tuple(name.strip() for name in ways[delimiter])
    _check_names(header, where=where)
    return delimiter, header


def _check_names(header: Sequence[str], *, where: str) -> None:
    """Refuse column names that are missing, too many, or there twice: nobody could tell what is meant."""
    if not any(header):
        raise WrongInput("header_missing", say("The first line has no column names."), say("Add them."), where=where)
    if len(header) > MOST_COLUMNS:
        raise WrongInput(
            "too_many_columns",
            say(
                "There are %(count)s columns; %(most)s are allowed.",
                count=Count(len(header)),
                most=MOST_COLUMNS,
            ),
            where=where,
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise WrongInput(
            "column_twice",
            say("Columns stand there twice: %(names)s.", names=", ".join(twice)),
            say("Rename one."),
            where=where,
        )
