"""Run a worker that is killed at one line of its way; started as a process of its own by test_kill_at_lines.py.

The words: the file and the name of a function, `before` or `after` it, and at which time. The process kills itself
there with -9, as a machine does that fails: nothing is cleaned up, and nothing of ours is replaced.
"""

import os
import signal
import sys
import time
from types import FrameType
from typing import Any

FILE, NAME, WHEN, TIME = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

seen = 0


def trace(frame: FrameType, event: str, _argument: object) -> Any:
    code = frame.f_code
    if event != "call" or code.co_name != NAME or not code.co_filename.endswith(FILE):
        return None
    if WHEN == "before":
        count()
        return None
    return end


def end(_frame: FrameType, event: str, _argument: object) -> Any:
    if event == "return":
        count()
    return end


def count() -> None:
    global seen  # noqa: PLW0603 - a hook of the interpreter has nowhere else to count
    seen += 1
    if seen == TIME:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    from delivery.smtp import Timeouts
    from delivery.worker import Worker

    worker = Worker(timeouts=Timeouts(connect=2, command=2, body=2, dot=2, quit=0.2))
    sys.settrace(trace)
    until = time.monotonic() + 20
    while time.monotonic() < until and worker.run():
        pass
