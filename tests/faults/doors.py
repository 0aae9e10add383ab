"""People who object while mail is being sent, through every door that the product has, and when each got the answer."""

import csv
import http.client
import json
import smtplib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.db import transaction
from core.errors import NotReachable
from delivery.quiet import LONGEST
from tests.faults.company import EDITOR
from tests.faults.installation import Installation
from tracking import Purpose, make_message_token

HOLDS, NOT_YET = 200, 202
SEE_OTHER = 303


@dataclass(frozen=True)
class OptOut:
    """Who objected, through which door, and when the answer was there (seconds since 1970).

    `took`: seconds from the question that was answered; `waited`: from the first time that it was asked. `final`: no
    mail comes after the answer. A door says itself when it could not wait for a mail that is on its way.
    """

    email: str
    answered_at: float
    door: str = "one click"
    took: float = 0.0
    waited: float = 0.0
    final: bool = True


@dataclass(frozen=True)
class Somebody:
    """A recipient and the message that is for them."""

    email: str
    run_id: int
    message_id: int
    address_id: int

    def token(self, purpose: Purpose) -> str:
        return make_message_token(
            purpose,
            run_id=self.run_id,
            message_id=self.message_id,
            address_id=self.address_id,
            sent_at=int(time.time()),
        )


# A door answers whether it held, None when there was no answer: then whoever knocked does it again.
Door = Callable[[Installation, Somebody], bool | None]


def post(port: int, path: str, **form: str) -> bool | None:
    """Whether the answer promises that no mail comes any more; None when there was none, or it was a failure."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(
            "POST", path, body=urlencode(form), headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        if answer.status == SEE_OTHER:
            return "late=yes" not in answer.headers["Location"]
        return {HOLDS: True, NOT_YET: False}.get(answer.status)
    finally:
        connection.close()


def one_click(installation: Installation, who: Somebody) -> bool | None:
    path = f"/u/{who.token(Purpose.UNSUBSCRIBE)}"
    return post(installation.port, path, **{"List-Unsubscribe": "One-Click"})


def page(installation: Installation, who: Somebody) -> bool | None:
    return post(installation.port, f"/u/{who.token(Purpose.UNSUBSCRIBE)}", stop="list")


def preferences(installation: Installation, who: Somebody) -> bool | None:
    return post(installation.port, f"/p/{who.token(Purpose.PREFERENCES)}/stop", stop="everything")


def mailto(installation: Installation, who: Somebody) -> bool | None:
    """A mail to the address in the List-Unsubscribe header, as the mail server beside us hands it over.

    Nobody reads the answer to a mail, so it does not say when it came before the end of a mail on its way.
    """
    begun = time.monotonic()
    to = f"u+{who.token(Purpose.UNSUBSCRIBE)}@bounce.company.example"
    mail = f"From: <{who.email}>\r\nTo: <{to}>\r\nSubject: unsubscribe\r\n\r\nplease\r\n"
    try:
        with smtplib.LMTP("127.0.0.1", installation.returns_port, timeout=30) as server:
            server.sendmail(who.email, [to], mail)
    except (OSError, smtplib.SMTPException):
        return None
    return time.monotonic() - begun < LONGEST


def imported(installation: Installation, who: Somebody) -> bool | None:
    """A file of objections, on the command line."""
    # Two of a crowd may speak for the same person at once.
    path = installation.home.parent / f"objection-{who.message_id}-{threading.get_ident()}.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "channel", "purpose", "at", "reason"])
        rows.writerow(
            [who.email, "email", "newsletter", (datetime.now(UTC) - timedelta(seconds=1)).isoformat(), "call"]
        )
    try:
        return _command(installation, "import", "optouts", str(path))
    finally:
        path.unlink()


def blocked(installation: Installation, who: Somebody) -> bool | None:
    """A colleague blocks the address, on the command line."""
    return _command(installation, "block", "add", who.email, "--reason", "asked us by phone", "--as", EDITOR)


def _command(installation: Installation, *words: str) -> bool | None:
    """Whether a command did it, and says that nothing is on its way any more."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *words, "--json"],
        env=installation.environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return json.loads(done.stdout)["on_its_way"] == 0 if done.returncode == 0 else None


# How often each is chosen.
DOORS: dict[str, tuple[Door, float]] = {
    "one click": (one_click, 10),
    "page": (page, 4),
    "preferences": (preferences, 4),
    "mailto": (mailto, 2),
    "import": (imported, 0.4),
    "block": (blocked, 0.4),
}

# Those whose mail is being made or sent just now, or anybody: from a random place on, because sorting takes long.
_FRONT = """
    SELECT m.id, m.run_id, m.address_id, e.value FROM message AS m
    JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
    WHERE m.run_id = :run AND m.state IN ('claimed', 'handing_over') ORDER BY random() LIMIT 1
"""
_ANYWHERE = """
    SELECT m.id, m.run_id, m.address_id, e.value FROM message AS m
    JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
    WHERE m.run_id = :run AND m.state IN ('ready', 'planned')
      AND m.id >= (SELECT min(id) + :place * (max(id) - min(id)) FROM message WHERE run_id = :run)
    ORDER BY m.id LIMIT 1
"""


@dataclass
class Objectors:
    """A crowd that objects one after the other; several of these do at once."""

    installation: Installation
    run_id: int
    random: Random
    stopping: threading.Event
    most: int | None = None
    every: tuple[float, float] = (0.05, 0.6)
    answered: list[OptOut] = field(default_factory=list)
    again: Counter[str] = field(default_factory=Counter)
    fault: BaseException | None = None

    def run(self) -> None:
        try:
            while (self.most is None or len(self.answered) < self.most) and not self.stopping.wait(
                self.random.uniform(*self.every)
            ):
                who = self.somebody()
                if who is not None:
                    self.object(who, self.choose())
        except BaseException as error:
            self.fault = error
            raise

    def choose(self) -> str:
        names = list(DOORS)
        return self.random.choices(names, [DOORS[name][1] for name in names])[0]

    def somebody(self) -> Somebody | None:
        front = self.random.random() < 0.5
        try:
            with transaction() as session:
                found: Any = session.execute(
                    text(_FRONT if front else _ANYWHERE), {"run": self.run_id, "place": self.random.random()}
                ).first()
        except (NotReachable, DBAPIError):
            return None
        return Somebody(found.value, found.run_id, found.id, found.address_id) if found else None

    def object(self, who: Somebody, name: str) -> None:
        """Knock until there is an answer, as mail providers do: only an answer is a promise."""
        door, _often = DOORS[name]
        begun = time.monotonic()
        while not self.stopping.is_set():
            asked = time.monotonic()
            held = door(self.installation, who)
            now, took = time.time(), time.monotonic() - asked
            if held is not None:
                self.answered.append(OptOut(who.email, now, name, took, time.monotonic() - begun, final=held))
                return
            self.again[name] += 1
            self.stopping.wait(0.5)


def storm(installation: Installation, run_id: int, *, many: int, random: Random) -> list[OptOut]:
    """So many press the button at the same time, all of them while their mail is being made or waits."""
    crowd = [Objectors(installation, run_id, Random(random.random()), threading.Event()) for _ in range(many)]
    wanted = [who for each in crowd if (who := each.somebody()) is not None]
    threads = [
        threading.Thread(target=each.object, args=(who, "one click")) for each, who in zip(crowd, wanted, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for one in crowd for each in one.answered]
