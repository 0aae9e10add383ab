"""What is measured, against what, and how good it has to be.

The floor is what `make bench` insists on, the goal is what a release claims. Figures are ratios to a yardstick measured
in the same run, because absolute numbers say more about the machine than about the program.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One figure. `lower`: it is a ratio of times (or a loss), so less is better. `module`: where it is measured."""

    id: str
    what: str
    module: str
    floor: float
    goal: float
    lower: bool = False

    def reached(self, ratio: float, mark: float) -> bool:
        """Whether a ratio is at least as good as a mark."""
        return ratio <= mark if self.lower else ratio >= mark


_ALL = [
    Goal("S1", "sending, RSA-2048, all checks, 2 workers / smtp-source to smtp-sink", "sending", 0.30, 0.50),
    # What S1 is where there is no libcrypto_mb; its goal is the floor of S1.
    Goal("S1O", "the same, signatures one by one", "sending", 0.25, 0.30),
    Goal("S2", "the same, the relay signs", "sending", 0.60, 0.95),
    Goal("S3", "sending, RSA-2048 / raw signatures of as many processes", "sending", 0.30, 0.50),
    Goal("S4", "sending, RSA-2048 / message class, dkimpy and smtplib", "sending", 15, 25),
    Goal("S6", "writing a mail / the same by Jinja and the library", "writing", 1 / 30, 1 / 80, lower=True),
    Goal("S8", "sending through the queue / workers driven directly", "sending", 0.90, 0.97),
    Goal("S9", "sending into Postfix, the relay signs / smtp-source into Postfix", "relaying", 0.55, 0.85),
    Goal("S9S", "the same, RSA-2048", "relaying", 0.40, 0.60),
    Goal("S10", "sending over 20 ms / connections by round trip", "distance", 0.50, 0.90),
    Goal("D1", "deciding and storing an audience, per row / INSERT ... SELECT", "decisions", 3.0, 2.0, lower=True),
    Goal("D2", "a segment definition / the same by hand in SQL", "segments", 1.5, 1.1, lower=True),
    Goal("D4", "a list checked, sorted, matched, in force / COPY of its sorted records", "lists", 0.40, 0.60),
    Goal("D5", "deciding with a large list in force / anti-joins by hand in SQL", "listed", 3.0, 2.0, lower=True),
    Goal("I1", "import, rows a second / COPY into the same table", "imports", 0.40, 0.65),
    Goal("I2", "import / an import through an object mapper", "imports", 30, 60),
    Goal("T1", "click verified and spooled / an empty application", "tracking", 0.60, 0.80),
    Goal("T4", "acknowledged hits lost after kill -9 at full load", "tracking", 0, 0, lower=True),
]

GOALS = {goal.id: goal for goal in _ALL}
