"""How much memory the workers take while it lasts."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.faults.installation import Installation

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Watch:
    """Looks every few seconds; use as a context manager. `seen`: megabytes of the largest process of each worker."""

    installation: Installation
    every: float = 3.0
    seen: list[dict[str, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(self.every):
            groups = {self.installation.pid(name): name for name in ("worker-1", "worker-2")}
            self.seen.append({name: megabytes(pid) for pid, name in groups.items() if pid is not None})

    def at(self, part: float) -> float:
        """The larger of the two workers at this part of the time, 0 being the beginning, in megabytes."""
        looks = [each for each in self.seen if each]
        return max(looks[min(int(part * len(looks)), len(looks) - 1)].values()) if looks else 0.0


def megabytes(group: int) -> float:
    """The largest process of a group."""
    largest = 0.0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group:
                pages = int((entry / "statm").read_text().split()[1])
                largest = max(largest, pages * PAGE / (1 << 20))
        except (OSError, ValueError, IndexError):
            continue
    return largest
