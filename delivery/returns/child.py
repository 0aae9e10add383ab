"""The process in which mails of strangers are read: it has limits, no database and no keys, and may be lost.

In: for each mail eight bytes of length and the mail. Out: for each one line of JSON. The process that asks is
`delivery.returns.reading`.
"""

import json
import resource
import sys
from dataclasses import asdict
from typing import Any

from delivery.returns.classify import classify

LENGTH_BYTES = 8
MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 5
OPEN_FILES = 16


def main() -> None:
    """Answer mails until there are no more."""
    # What is loaded at first use must be there before no more memory is given.
    classify(b"Subject: failure notice\n\n")
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    while length := sys.stdin.buffer.read(LENGTH_BYTES):
        _allow_cpu_for_one()
        raw = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        sys.stdout.write(json.dumps([_plain(asdict(one)) for one in classify(raw)]) + "\n")
        sys.stdout.flush()


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"names": list(value["names"])}


def _allow_cpu_for_one() -> None:
    """The limit counts since the process began, so each mail gets its share on top of what was used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + CPU_SECONDS)


def _limit(what: int, most: int) -> None:
    _, hardest = resource.getrlimit(what)
    wanted = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
    try:
        resource.setrlimit(what, (wanted, hardest))
    except (ValueError, OSError):
        # macOS knows no limit of the address space; the time that the asking process waits holds there.
        return
