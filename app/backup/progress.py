"""How far a backup is, on the standard error of a terminal; nothing where nobody looks."""

from time import monotonic
from typing import Self

from core.cli import progress

SOME = 0.2


class Progress:
    """One line that changes."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._status = progress.status("")

    def __enter__(self) -> Self:
        if progress.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def tell(self, name: str, done: int) -> None:
        """Show what is being written or read."""
        if progress.is_terminal and monotonic() - self._shown > SOME:
            self._shown = monotonic()
            self._status.update(f"{name} {done / 1_000_000:,.1f} MB" if done else name)
