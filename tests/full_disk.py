"""A disk that is really full, for one process: the kernel lets no file grow beyond so many bytes (setrlimit(2))."""

import io
import os
import resource
import sys
from collections.abc import Callable


def forked(verb: Callable[[], bool], *, room: int) -> bool:
    """Whether `verb` says True in a forked process whose files hold at most `room` bytes each."""
    child = os.fork()
    if child == 0:
        said = False
        try:
            # What the process prints must not count as a file that grows.
            sys.stdout = sys.stderr = io.StringIO()
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            said = verb()
        finally:
            os._exit(0 if said else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
