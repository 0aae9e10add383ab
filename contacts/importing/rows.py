"""The rows of a file, one at a time, the broken ones told apart from the good ones.

A quote that is never closed swallows all that follows it. So when a row turns out broken and spans several lines, only
its first line is rejected and the reading goes on with the second.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from contacts.importing.intake import Rejection
from contacts.importing.source import LONGEST_CELL, LONGEST_LINE, Source
from core.errors import WrongInput
from core.sentences import Count, say

# A file with more rows broken by quotes is not a table, or not with this delimiter; reading on would take for ever.
MOST_BROKEN_QUOTES = 1000

# So much of a line that is too long stands in the error file.
SHOWN_OF_ENDLESS = 1000

# What a spreadsheet takes for a formula. Our own files put an apostrophe before it; here it is taken off again.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class RawRow(NamedTuple):
    """The cells of one row, the line where it begins, and its text as it stands in the file."""

    line: int
    raw: str
    cells: list[str]


class _Cut(str):
    """The beginning of a line that was too long to be read."""

    __slots__ = ()


def _without_endless(file: TextIO) -> Iterator[str]:
    """The lines of a file, those without end cut, so that none of them gets into memory."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        yield _Cut(line[:SHOWN_OF_ENDLESS])
        while line and not line.endswith(("\n", "\r")):
            line = file.readline(LONGEST_LINE)


class _Lines:
    """The lines of a file, remembered for as long as a row is being read, so that they can be read again."""

    def __init__(self, file: Iterator[str]) -> None:
        self.file = file
        self.again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.file)
        self.number += 1
        self.taken.append(line)
        return line

    def cut(self, begin: int) -> Rejection | None:
        """Why the row that was just read is none: one of its lines was cut."""
        if isinstance(self.taken[0], _Cut):
            return Rejection(
                begin, "", "line_too_long", say("The line has more than %(most)s characters.", most=Count(LONGEST_LINE))
            )
        return _broken(begin, "unexpected end") if any(isinstance(line, _Cut) for line in self.taken) else None

    def finish(self) -> str:
        """The text of the row that was just read."""
        raw = self.taken[0] if len(self.taken) == 1 else "".join(self.taken)
        self.taken = []
        return raw

    def give_back(self) -> str:
        """Keep only the first line of the row that was just read; the others will be read again."""
        first, *rest = self.taken
        self.again.extendleft(reversed(rest))
        self.number -= len(rest)
        self.taken = []
        return first


def read_rows(source: Source) -> Iterator[RawRow | tuple[Rejection, str]]:
    """Every row after the header; for a broken one its rejection and its text. Empty lines are no rows."""
    # The limit is one for the process. Whoever reads CSV here reads it through this function.
    csv.field_size_limit(LONGEST_CELL)
    broken = 0
    with source.path.open(encoding=source.encoding, newline="") as file:
        lines = _Lines(_without_endless(file) if source.endless else file)
        reader = csv.reader(lines, delimiter=source.delimiter, strict=True)
        next(reader)
        lines.finish()
        while True:
            begin = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                found = _broken(begin, str(error))
            else:
                if not cells:
                    lines.finish()
                    continue
                if len(cells) == len(source.header) and not (source.endless and lines.cut(begin)):
                    raw = lines.finish()
                    yield RawRow(begin, raw, _without_apostrophes(cells) if "'" in raw else cells)
                    continue
                found = _wrong_width(begin, len(cells), len(source.header))
            if source.endless:
                found = lines.cut(begin) or found
            if len(lines.taken) > 1:
                broken += 1
                _bear(broken, source, begin)
                # The old reader may stand inside a quote.
                raw, reader = lines.give_back(), csv.reader(lines, delimiter=source.delimiter, strict=True)
            else:
                raw = lines.finish()
            yield found, raw


def _bear(broken: int, source: Source, line: int) -> None:
    if broken > MOST_BROKEN_QUOTES:
        raise WrongInput(
            "quotes_broken",
            say(
                "More than %(most)s rows have quotes that do not close.",
                most=Count(MOST_BROKEN_QUOTES),
            ),
            say(
                'Write a quote inside a quoted cell twice (""). What was read before is stored; import the file again.'
            ),
            where=f"{source.path}:{line}",
        )


def _broken(line: int, message: str) -> Rejection:
    if "field limit" in message:
        return Rejection(
            line,
            "",
            "cell_too_long",
            say("A cell has more than %(most)s characters, or a quote is not closed.", most=Count(LONGEST_CELL)),
        )
    if "unexpected end" in message:
        return Rejection(line, "", "quote_open", say("A quote is opened and never closed."))
    return Rejection(line, "", "quote_broken", say('A quote ends inside a cell; write it twice ("").'))


def _wrong_width(line: int, cells: int, columns: int) -> Rejection:
    return Rejection(
        line,
        "",
        "cell_count",
        say("The row has %(cells)s cells, the header %(columns)s.", cells=cells, columns=columns),
    )


def _without_apostrophes(cells: list[str]) -> list[str]:
    return [cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA_STARTS else cell for cell in cells]
