"""`make soak`: the whole mix with many people for about an hour. `SOAK_PEOPLE`, `SOAK_SECONDS` and `FAULT_SEED` decide.

The report goes to `SOAK_REPORT`, else to a new folder that is named in the end. It ends with 1 when one was broken.
"""

# ruff: noqa: T201 - it speaks to whoever started it

import os
import sys
import tempfile
from pathlib import Path

from tests.faults.mix import Size, play
from tests.faults.seed import SEED
from tests.faults.telling import as_text, keep

CONNECTIONS = 12


def size() -> Size:
    people = int(os.environ.get("SOAK_PEOPLE", "100000"))
    seconds = float(os.environ.get("SOAK_SECONDS", "3600"))
    usual = min(0.25, CONNECTIONS * seconds * 0.6 / people)
    return Size(
        people=people,
        seconds=seconds,
        pace=float(os.environ.get("SOAK_PACE", usual)),
        seed=SEED,
        storm=200,
        often=(5.0, 30.0),
        longest_stop=20.0,
    )


def main() -> int:
    wanted = size()
    print(f"seed {wanted.seed}: {wanted.people} people, {wanted.seconds:.0f} s, pace {wanted.pace:.3f} s", flush=True)
    named = os.environ.get("SOAK_REPORT")
    with tempfile.TemporaryDirectory(prefix="crusoe-soak-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        played = play(Path(folder), wanted)
        kept = keep(played, Path(folder) / "home", folder=Path(named) if named else None)
    print(as_text(played))
    print(f"report: {kept}")
    return 0 if played.is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
