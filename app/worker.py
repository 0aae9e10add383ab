"""What `celery -A app.worker worker` runs: all jobs of all stages, and a polling thread in each process."""

from importlib import import_module
from importlib.util import find_spec

from celery.signals import worker_process_init

from core.db import forget_connections
from core.tasks import Poller, configure

STAGES = ("contacts", "tracking", "suppression", "templates", "delivery", "segments", "campaigns", "preferences")

for _stage in (*STAGES, "lead_handover"):
    if find_spec(f"{_stage}.tasks"):
        import_module(f"{_stage}.tasks")

app = configure()


@worker_process_init.connect
def start_polling(**_: object) -> None:
    """Give up the parent's connections and look for work without a doorbell too."""
    forget_connections()
    Poller().start()
