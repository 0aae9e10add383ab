"""How a process that waits for mail hears that it shall end."""

import asyncio
import signal
from contextlib import suppress


def asked_to_end() -> asyncio.Event:
    """Set as soon as somebody asks this process to end. Call it in the running loop."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Event loops on some systems take no signal handlers; there the supervisor ends the process without asking.
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
