"""What `celery -A app.worker worker` runs: all jobs of all stages, and a polling thread in each process."""

from importlib import import_module
from importlib.util import find_spec

from celery.signals import worker_process_init, worker_process_shutdown, worker_shutting_down

from core import log
from core.db import forget_connections
from core.garbage import spare_imports
from core.tasks import Poller, configure, stopping

STAGES = ("contacts", "tracking", "suppression", "templates", "delivery", "segments", "campaigns", "preferences")

for _stage in (*STAGES, "lead_handover"):
    if find_spec(f"{_stage}.tasks"):
        import_module(f"{_stage}.tasks")
import_module("app.imports.tasks")
import_module("app.evidence.tasks")
import_module("app.list_tasks")
import_module("app.rights.tasks")
import_module("app.returns.tasks")
import_module("app.backup.tasks")
import_module("app.restore.tasks")
import_module("app.numbers.tasks")

log.to_standard_error()
app = configure()

spare_imports()

# Longer than a batch of mails takes from the gate to its last answer, when the server answers at all.
LAST_BATCH = 8.0

_poller = Poller()


@worker_process_init.connect
def start_polling(**_: object) -> None:
    """Give up the parent's connections and look for work without a doorbell too."""
    forget_connections()
    _poller.start()


@worker_shutting_down.connect
def ask_to_end(**_: object) -> None:
    """Tell the processes of this worker to end what they do: what is half handed over would end as unknown."""
    stopping.set()


@worker_process_shutdown.connect
def end_polling(**_: object) -> None:
    """Let the polling thread finish its batch."""
    if _poller.is_alive():
        _poller.join(LAST_BATCH)
