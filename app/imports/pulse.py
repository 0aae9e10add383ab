"""How far a running import is, written down once a second by a thread of its own, in transactions of its own.

The thread also renews the lease, so that a file that takes long to inspect is not taken for lost, and hears when
somebody cancels.
"""

import json
import threading
from contextlib import AbstractContextManager
from typing import Any, Self

import structlog

from app.imports import jobs
from app.imports.jobs import Taken
from app.imports.storage import SHOWN_ERRORS, Folder
from contacts.importing import Rejection
from contacts.importing.source import Source
from core.db import transaction
from core.errors import NotReachable
from core.sentences import kept
from core.tasks import stopping

log = structlog.get_logger()

PERIOD = 1.0


class Interrupted(Exception):
    """The import ends between two chunks: it was cancelled, or this worker is asked to stop."""


class Pulse:
    """Beats from the moment when an import is taken until its end."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.done = self.total = 0
        self.lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="import-pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def follow(self, source: Source) -> "Followed":
        """What the importer tells how far it is."""
        self.total = source.lines
        return Followed(self)

    def write(self) -> None:
        """Write down how far it is, and notice when the import is no longer ours."""
        try:
            with transaction() as session:
                if not jobs.renew(session, self.taken, done=self.done, total=self.total):
                    self.lost.set()
        except NotReachable as error:
            log.warning("database_away", import_id=self.taken.import_id, error=str(error))

    def _beat(self) -> None:
        while not self.lost.is_set() and not self._ended.wait(PERIOD):
            self.write()


class Followed(AbstractContextManager["Followed"]):
    """One import as the importer sees it. The first rejected rows are kept in words that every page can translate."""

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self._explained: list[Any] = []

    def rejected(self, rejection: Rejection) -> None:
        """Remember why the first rows were rejected; the file of rejected rows says it in English only."""
        if len(self._explained) < SHOWN_ERRORS:
            self._explained.append(kept(rejection.explanation))

    def reached(self, line: int) -> None:
        """Remember the line; end the import here when nobody wants the rest."""
        self.pulse.done = line
        if self.pulse.lost.is_set() or stopping.is_set():
            raise Interrupted

    def __exit__(self, *_: object) -> None:
        """The pulse goes on until the end is written down."""
        if self._explained:
            Folder(self.pulse.taken.import_id).explained.write_text(json.dumps(self._explained))
