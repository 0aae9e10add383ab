"""What a status, a reply code and the words of a server mean: the first row of `rules.tsv` that fits decides.

The table stands in a file of its own so that it can be read, and added to, by people who run mail servers. A row fits
when all that it names fits: `status` and `reply` as patterns of the whole code, `words` anywhere in what was said.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from delivery.returns.kinds import ReturnClass

TABLE = Path(__file__).parent / "rules.tsv"
COLUMNS = ("rule", "class", "status", "reply", "words", "source")

ANY = "*"
NONE = "-"

# What stands in nearly every answer and says nothing about why: addresses, which host spoke, and the codes that begin
# each line of a longer reply.
_NOISE = re.compile(
    r"<?[^\s<>\"':;,()\[\]]{1,64}@[^\s<>\"':;,()\[\]]{1,255}>?"
    r"|\bhost \S{1,255}(?: ?\[[^\]]{1,60}\])? said:"
    r"|\b[245]\d\d[- ][245]\.\d{1,3}\.\d{1,3}\b|\b[245]\d\d-(?=\S)"
)


@dataclass(frozen=True)
class Rule:
    """One row. `source` says where it comes from."""

    name: str
    kind: ReturnClass
    status: re.Pattern[str] | None
    reply: re.Pattern[str] | None
    words: re.Pattern[str] | None
    no_reply: bool
    source: str

    def fits(self, *, status: str | None, reply: int | None, words: str) -> bool:
        """Whether this row is about such an answer."""
        if self.no_reply and (reply is not None or status is not None):
            return False
        if self.status is not None and not (status and self.status.fullmatch(status)):
            return False
        if self.reply is not None and not (reply and self.reply.fullmatch(str(reply))):
            return False
        return self.words is None or self.words.search(words) is not None


@cache
def rules() -> tuple[Rule, ...]:
    """All rows in the order in which they are asked."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    if tuple(lines[0].split("\t")) != COLUMNS:
        raise ValueError(f"{TABLE.name} has the columns {COLUMNS}")
    return tuple(_rule(line.split("\t")) for line in lines[1:])


def judge(*, status: str | None, reply: int | None, words: str) -> Rule | None:
    """The row that decides, or None when nothing is known about such an answer. Pure."""
    said = " ".join(_NOISE.sub(" ", words).split())
    return next((rule for rule in rules() if rule.fits(status=status, reply=reply, words=said)), None)


def _rule(cells: list[str]) -> Rule:
    name, kind, status, reply, words, source = cells
    return Rule(
        name=name,
        kind=ReturnClass(kind),
        status=_pattern(status),
        reply=_pattern(reply),
        words=_pattern(words),
        no_reply=reply == NONE,
        source=source,
    )


def _pattern(cell: str) -> re.Pattern[str] | None:
    return None if cell in {ANY, NONE} else re.compile(cell, re.IGNORECASE)
