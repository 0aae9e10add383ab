"""How far an import is, shown on a terminal and not in a pipe."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from contacts.importing.intake import Rejection
from contacts.importing.source import Source


class Progress(Protocol):
    """Hears how far the import is; a context manager that lasts as long as the import."""

    def reached(self, line: int) -> None:
        """All rows up to this line are stored or rejected."""

    def rejected(self, rejection: Rejection) -> None:
        """This row was not stored."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End."""


class _Silent(AbstractContextManager["_Silent"]):
    def reached(self, line: int) -> None:
        pass

    def rejected(self, rejection: Rejection) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class _OnTerminal(AbstractContextManager["_OnTerminal"]):
    def __init__(self, source: Source) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(source.path.name, total=source.lines)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def reached(self, line: int) -> None:
        self.bar.update(self.task, completed=line)

    def rejected(self, rejection: Rejection) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def silent(_: Source) -> Progress:
    """Show nothing."""
    return _Silent()


def on_terminal(source: Source) -> Progress:
    """A bar on standard error when that is a terminal, else nothing."""
    return _OnTerminal(source) if Console(stderr=True).is_terminal else _Silent()
