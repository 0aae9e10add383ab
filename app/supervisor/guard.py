"""Ends what a killed supervisor leaves behind. Run as a file of its own, with nothing but the standard library.

Standard input is a pipe that only the supervisor holds open: its end is the end of the supervisor, on every system. On
Linux the kernel has told the children already; this waits for them and kills those that do not go.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GRACE = 15.0


def main(state: Path) -> None:
    """Wait for the supervisor's end, then end the processes that its state file names."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    processes = [found for found in json.loads(state.read_text())["processes"] if found["pid"]]
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process["pid"], process["stop_signal"])
    until = time.monotonic() + GRACE
    while time.monotonic() < until and any(is_alive(process["pid"]) for process in processes):
        time.sleep(0.05)
    for process in processes:
        kill_group(process["pid"])


def is_alive(pid: int) -> bool:
    """Whether a process still does something; one that only waits to be counted by its parent does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill_group(pid: int) -> None:
    """Kill a process and what it started; each child of the supervisor leads a group of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
