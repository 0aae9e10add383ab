"""When sending stops until a person looked: shares of what came back, of one run or of all of a sender. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.sentences import Count, Sentence, Share, say
from delivery.pace.limits import Brake


@dataclass(frozen=True)
class Counted:
    """What came of mails so far. `refused`: by servers, for good; all but `complaints` and `bounced` at the door."""

    accepted: int = 0
    refused: int = 0
    policy: int = 0
    unknown: int = 0
    listed: int = 0
    bounced: int = 0
    complaints: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        mine, theirs = asdict(self), asdict(other)
        return Counted(**{name: mine[name] + theirs[name] for name in mine})

    def since(self, before: Mapping[str, Any]) -> "Counted":
        """Without what had been counted before."""
        return Counted(**{name: max(0, many - int(before.get(name, 0))) for name, many in asdict(self).items()})

    @property
    def ended(self) -> int:
        """Everything that a server was asked about and that came to an end."""
        return self.accepted + self.refused + self.policy + self.unknown


def reason_to_stop(counted: Counted, *, brake: Brake) -> Sentence | None:
    """Why sending has to stop, in words and numbers; None while all is well. What people said comes first."""
    if counted.ended < brake.after:
        return None
    return _people_mind(counted, brake) or _servers_mind(counted, brake)


def _people_mind(counted: Counted, brake: Brake) -> Sentence | None:
    if values := _over(counted.complaints, counted.accepted, brake.complaints):
        return say("Too many complaints: %(count)s of %(all)s (%(share)s, at most %(most)s).", **values)
    if values := _over(counted.listed, counted.ended + counted.listed, brake.list_hits):
        return say(
            "Too many who are listed or opted out since it was planned: %(count)s of %(all)s"
            " (%(share)s, at most %(most)s).",
            **values,
        )
    return None


def _servers_mind(counted: Counted, brake: Brake) -> Sentence | None:
    if values := _over(counted.bounced, counted.ended, brake.hard_bounces):
        return say("Too many dead addresses: %(count)s of %(all)s (%(share)s, at most %(most)s).", **values)
    if values := _over(counted.policy, counted.ended, brake.policy):
        return say("Too many refused for what we are: %(count)s of %(all)s (%(share)s, at most %(most)s).", **values)
    if values := _over(counted.unknown, counted.ended, brake.unknown):
        return say("Too many ended in doubt: %(count)s of %(all)s (%(share)s, at most %(most)s).", **values)
    return None


def _over(many: int, of: int, most: float) -> dict[str, Any]:
    """The numbers to tell when there are more than so many percent; else nothing."""
    if many * 100 <= of * most:
        return {}
    return {
        "count": Count(many),
        "all": Count(of),
        "share": Share(many * 100 / max(of, 1), digits=2),
        "most": Share(most),
    }
