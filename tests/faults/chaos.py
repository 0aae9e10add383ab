"""What happens while the campaign runs: processes die, and people object."""

import http.client
import threading
import time
from dataclasses import dataclass, field
from random import Random

from sqlalchemy import text

from core.db import transaction
from core.errors import NotReachable
from tests.faults.installation import Installation, kill
from tracking import Purpose, make_message_token


@dataclass
class Killer:
    """Kills one part of the installation again and again, each time after it has come up and worked for a moment."""

    installation: Installation
    name: str
    times: int
    random: Random
    first_after: float = 0.0
    done: int = 0

    def run(self) -> None:
        time.sleep(self.first_after)
        last: int | None = None
        for _ in range(self.times):
            last = self.installation.wait_for(self.name, other_than=last)
            time.sleep(self.random.uniform(0.3, 2.5))
            self.done += kill(last)
        self.installation.wait_for(self.name, other_than=last)


@dataclass(frozen=True)
class OptOut:
    """Who objected, and when the answer was there (seconds since 1970)."""

    email: str
    answered_at: float


# Half of them anywhere in the queue, half of those whose mail is being made or sent just now.
_CANDIDATES = """
    SELECT m.id, m.run_id, m.address_id, e.value FROM message AS m
    JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
    WHERE m.run_id = :run AND m.state = ANY(CAST(:states AS message_state[])) ORDER BY random() LIMIT 1
"""


@dataclass
class Objectors:
    """People who press the unsubscribe button of their mail program while mail is being sent."""

    installation: Installation
    run_id: int
    times: int
    random: Random
    stopping: threading.Event = field(default_factory=threading.Event)
    answered: list[OptOut] = field(default_factory=list)
    refused: int = 0

    def run(self) -> None:
        while len(self.answered) < self.times and not self.stopping.is_set():
            time.sleep(self.random.uniform(0.05, 0.6))
            try:
                found = self._somebody()
            except NotReachable:
                continue
            if found is not None:
                self._press(found.value, found)

    def _somebody(self) -> object | None:
        front = self.random.random() < 0.5
        states = ["claimed", "handing_over"] if front else ["ready"]
        with transaction() as session:
            return session.execute(text(_CANDIDATES), {"run": self.run_id, "states": states}).first()

    def _press(self, email: str, message: object) -> None:
        token = make_message_token(
            Purpose.UNSUBSCRIBE,
            run_id=message.run_id,
            message_id=message.id,
            address_id=message.address_id,
            sent_at=int(time.time()),
        )
        # A mail provider tries again when it gets no answer; only an answer is a promise.
        while not self.stopping.is_set():
            if self._post(f"/u/{token}"):
                self.answered.append(OptOut(email, time.time()))
                return
            self.refused += 1
            time.sleep(0.5)

    def _post(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.port, timeout=30)
        try:
            connection.request(
                "POST",
                path,
                body="List-Unsubscribe=One-Click",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        else:
            return status in {200, 202}
        finally:
            connection.close()
