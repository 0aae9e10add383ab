"""Who a child process runs as. PostgreSQL refuses to run as root, and a clone often lies where only root may enter."""

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1


def is_root() -> bool:
    """Whether this process is the superuser."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def own(path: Path) -> None:
    """Give a folder and all in it to the unprivileged user, when we are root."""
    if is_root():
        os.chown(path, NOBODY, NOBODY)
        for inner in path.rglob("*"):
            os.chown(inner, NOBODY, NOBODY, follow_symlinks=False)


def child_setup(*, unprivileged: bool, death_signal: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """What a child does before it becomes its program: end with its parent, and give up root when asked to.

    `death_signal` is what it gets when the thread that started it ends. Giving up root keeps one right, to enter
    folders: the program and its data may lie below /root. Linux only; elsewhere the supervisor's guard does it.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)
    drop = unprivileged and is_root()

    def prepare() -> None:
        if drop:
            libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
            # Without this access(2) would not count the right that is kept, and initdb asks access(2).
            libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            _keep_entering(libc)
        # After setuid, which clears it.
        libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)

    return prepare


def _keep_entering(libc: ctypes.CDLL) -> None:
    number = _CAPSET.get(os.uname().machine)
    if number is None:
        return
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    mask = 1 << _CAP_DAC_OVERRIDE
    data = struct.pack("=6I", mask, mask, mask, 0, 0, 0)
    libc.syscall(number, header, data)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
