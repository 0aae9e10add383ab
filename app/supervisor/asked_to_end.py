"""How a process that waits for mail hears that it shall end."""

import asyncio
import signal


def asked_to_end() -> asyncio.Event:
    """Set as soon as somebody asks this process to end. Call it in the running loop."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
