"""The words in which one kind of import is described: its fields, how a row is read, how rows are stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar, overload

from sqlalchemy.orm import Session

from core.errors import WrongInput
from core.sentences import say

Record = TypeVar("Record")

# Takes the cells of a row, by the names of their fields.
Reader = Callable[[Sequence[str]], dict[str, str]]


@dataclass(frozen=True)
class Field:
    """Something that a column can be mapped to. `aliases` are headers that mean it without a mapping file."""

    name: str
    required: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where the rows come from, for the evidence: file name and SHA-256 of the whole file, hexadecimal."""

    name: str
    sha256: str
    path: Path


@dataclass(frozen=True)
class Layout:
    """Which field stands in which cell. Fields that the file does not have are absent.

    `constants` follow the cells of each row: what the mapping file says of every one.
    """

    columns: tuple[str, ...]
    positions: Mapping[str, int]
    constants: tuple[str, ...] = ()

    def require_either(self, first: str, second: str, *, message: str, origin: Origin) -> None:
        """Refuse a file that has neither of these columns; `message` says what nobody could tell then."""
        if not {first, second} & self.positions.keys():
            remedy = say("Map one to %(first)s or %(second)s.", first=first, second=second)
            raise WrongInput("column_missing", message, remedy, where=f"{origin.path}:1")

    def cell(self, name: str) -> Callable[[Sequence[str]], str]:
        """A function that takes this field's cell out of a row, without blanks around it; empty when absent."""
        position = self.positions.get(name)
        if position is None:
            return lambda _: ""
        return lambda cells: cells[position].strip()

    def reader(self, fields: Sequence[Field]) -> Reader:
        """A function that takes the cells of all these fields out of a row, by name."""
        takers = {field.name: self.cell(field.name) for field in fields}
        return lambda cells: {name: take(cells) for name, take in takers.items()}


class Rejected(Exception):
    """A cell that makes its row useless: which field, a stable code, and a sentence for the person who corrects it."""

    def __init__(self, field: str, reason: str, explanation: str) -> None:
        super().__init__(explanation)
        self.field, self.reason, self.explanation = field, reason, explanation


@dataclass(frozen=True)
class Rejection:
    """A row that was not stored: the line where it begins, counted from 1 with the header."""

    line: int
    field: str
    reason: str
    explanation: str


class Row(NamedTuple, Generic[Record]):
    """One row that could be read. `raw` is its text as it stands in the file."""

    line: int
    raw: str
    record: Record


class Rows(Sequence[Row[Record]], Generic[Record]):
    """The readable rows of a chunk. Kept as three lists: an object per row would cost more than reading it does."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.raws: list[str] = []
        self.records: list[Record] = []

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> Row[Record]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row[Record]]: ...
    def __getitem__(self, index: int | slice) -> Row[Record] | list[Row[Record]]:
        """One row, or several."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return Row(self.lines[index], self.raws[index], self.records[index])

    def __iter__(self) -> Iterator[Row[Record]]:
        return map(Row[Record], self.lines, self.raws, self.records)


@dataclass
class Outcome:
    """What storing some rows did. The four counts add up to the rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejections: list[Rejection] = field(default_factory=list)


class Intake(Protocol[Record]):
    """One kind of import. `prepare` is called once, `read` per row and without a database, `store` per chunk.

    `identify` answers (who or what the row is about, what it says), so that a rehearsal can count repetitions.
    `store` runs in a transaction of its own and may be called twice with the same rows after a conflict; storing what
    is stored already must change nothing. It is told when it only rehearses, to leave evidence chains alone.
    """

    name: str

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """Take note of where the fields are; refuse a layout that cannot work."""

    def fields(self, session: Session) -> Sequence[Field]:
        """What columns can be mapped to."""

    def read(self, cells: Sequence[str]) -> Record:
        """One row as a value, or `Rejected`."""

    def identify(self, record: Record) -> tuple[str, str]:
        """(identity, content) of a row as text."""

    def store(self, session: Session, rows: Sequence[Row[Record]], *, rehearsal: bool) -> Outcome:
        """Store these rows, set-based."""


@dataclass(frozen=True)
class Result:
    """The answer of an import; its rows are created + updated + unchanged + rejected."""

    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    errors_file: str | None

    def as_answer(self) -> dict[str, int | str | None]:
        """The documented keys of `crusoe import`."""
        return dict(vars(self))
