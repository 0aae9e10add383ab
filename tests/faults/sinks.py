"""The mail server of the fault tests: slow, moody, and with an exact memory."""

import threading
import time
from dataclasses import dataclass, field
from random import Random

from tests.smtp_sink import Action, Drop, Say, say


@dataclass
class Moods:
    """Answers as real servers do on a bad day. `pace` is how long it thinks about each mail, in seconds.

    One mail in a hundred is put off once, one in two hundred refused, one in two hundred taken and one in two hundred
    not taken without an answer: the sender cannot know which. `pause`: no sooner may come back what was put off.
    """

    random: Random
    pace: float = 0.0
    pause: float = 0.0
    ended: list[tuple[str, float]] = field(default_factory=list)
    put_off: dict[str, float] = field(default_factory=dict)
    early: list[tuple[str, float]] = field(default_factory=list)
    ambiguous: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, verb: str, recipient: str, _count: int) -> Action | None:
        with self.lock:
            if verb == "RCPT":
                return self._at_recipient(recipient)
            if verb == "DOT":
                # The moment at which a mail is there: nothing may come after the answer to an opt-out.
                self.ended.append((recipient, time.time()))
                return self._at_dot()
        return None

    def _at_recipient(self, recipient: str) -> Action | None:
        dice = self.random.random()
        if recipient in self.put_off:
            early = self.pause - (time.time() - self.put_off[recipient])
            if early > 0:
                self.early.append((recipient, early))
        elif dice < 0.01:
            self.put_off[recipient] = time.time()
            return say(451, "4.7.1 later, please")
        return say(550, "5.1.1 nobody here") if dice > 0.995 else None

    def _at_dot(self) -> Action:
        dice = self.random.random()
        if dice < 0.005 or dice > 0.995:
            self.ambiguous += 1
            return Drop(taken=dice < 0.005)
        return Say(b"250 2.0.0 queued\r\n", after=self.pace)
