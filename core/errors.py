"""Mistakes that people can act on. What the outside world does is a value, not one of these."""

from dataclasses import dataclass, field

from core.sentences import Sentence, joined


@dataclass
class CrusoeError(Exception):
    """A mistake with a stable code, a sentence that says what was wrong and one that says what to do.

    `exit_code` is the answer of the command line: 1 wrong input, 2 not allowed or refused by a rule, 3 not reachable.
    `status` is the answer over HTTP.
    """

    code: str
    message: str
    remedy: str = ""
    where: str = ""
    details: dict[str, object] = field(default_factory=dict)

    exit_code = 1
    status = 422

    def told(self) -> Sentence:
        """All of it as one sentence: where, what, and what to do."""
        said = joined([part for part in (self.message, self.remedy) if part], by=" ")
        return joined([self.where, said], by=": ") if self.where else said

    def __str__(self) -> str:
        return str(self.told())


class WrongInput(CrusoeError):
    """What was given cannot be used."""


class NotFound(CrusoeError):
    """What was named does not exist."""

    status = 404


class NotAllowed(CrusoeError):
    """The person may not do this, or a rule of the house refuses it."""

    exit_code = 2
    status = 403


class NotReachable(CrusoeError):
    """A server that is needed does not answer."""

    exit_code = 3
    status = 503
