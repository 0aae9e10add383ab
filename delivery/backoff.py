"""When a mail that was put off is tried again, and when trying ends. Pure."""

import random
from dataclasses import dataclass
from datetime import timedelta

# After the first try a minute, then five, a quarter of an hour, an hour; greylisting servers want between 1 and 15.
FACTORS = (1, 5, 15, 60, 60, 120, 240)

# With a first pause of a minute this is two and a half days; relays give up after four or five (RFC 5321 4.5.4.1).
MOST_ATTEMPTS = 20

JITTER = 0.2


@dataclass(frozen=True)
class Backoff:
    """How patient we are. `first`: seconds until the second attempt."""

    first: float = 60
    most_attempts: int = MOST_ATTEMPTS

    def delay(self, attempts: int) -> timedelta | None:
        """How long to wait after so many attempts; None when there are to be no more.

        Spread by a fifth in both directions, so that what was put off together does not come back together.
        """
        if attempts >= self.most_attempts:
            return None
        factor = FACTORS[min(max(attempts, 1), len(FACTORS)) - 1]
        return timedelta(seconds=self.first * factor * random.uniform(1 - JITTER, 1 + JITTER))
