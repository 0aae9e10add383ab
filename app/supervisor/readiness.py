"""How a process without a port says that it is ready: it touches the file that its supervisor named.

Celery imports this module by `--include`; the worker is ready when it listens to its queues.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_ready

VARIABLE = "CRUSOE_READY_FILE"


def say_ready() -> None:
    """Touch the file; without a supervisor nobody waits for it."""
    if path := os.environ.get(VARIABLE):
        Path(path).touch()


@worker_ready.connect
def _worker_listens(**_signal: Any) -> None:
    say_ready()
