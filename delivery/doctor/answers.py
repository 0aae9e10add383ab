"""What the DNS said: plain data, so that every judgement about it can be tried without a network.

A judgement asks `Answers`. What is not known yet raises `Wanted`; whoever runs the judgement looks all wanted names up
at once and starts it anew (`delivery.doctor.run`). So nothing in here waits for anything.
"""

from dataclasses import dataclass, field
from enum import StrEnum

Question = tuple[str, str]


class State(StrEnum):
    """How a look-up ended. `absent` is an answer too: there is no such name, or it has no such record."""

    FOUND = "found"
    ABSENT = "absent"
    NOT_ANSWERED = "not_answered"


@dataclass(frozen=True)
class Answer:
    """The records of one name and type as text, or why there are none. MX records are `preference host`."""

    state: State
    records: tuple[str, ...] = ()
    why: str = ""


ABSENT = Answer(State.ABSENT)


class Wanted(Exception):
    """Something has to be looked up first."""


class Unanswered(Exception):
    """The DNS did not answer, so nothing can be said. `question` is what was asked."""

    def __init__(self, question: Question, why: str) -> None:
        super().__init__(*question)
        self.question = question
        self.why = why


@dataclass
class Answers:
    """What is known so far, and what is missing."""

    known: dict[Question, Answer]
    wanted: set[Question] = field(default_factory=set)

    def records(self, name: str, kind: str) -> tuple[str, ...]:
        """The records of this name; none when there are none. Raises Wanted or Unanswered."""
        question = (plain_name(name), kind)
        answer = self.known.get(question)
        if answer is None:
            self.wanted.add(question)
            raise Wanted
        if answer.state is State.NOT_ANSWERED:
            raise Unanswered(question, answer.why)
        return answer.records

    def ahead(self, *questions: Question) -> None:
        """Say what will be asked next, so that it is looked up in one go."""
        self.wanted |= {(plain_name(name), kind) for name, kind in questions} - self.known.keys()

    def addresses(self, host: str) -> tuple[str, ...]:
        """The IPv4 and IPv6 addresses of a host."""
        self.ahead((host, "A"), (host, "AAAA"))
        return (*self.records(host, "A"), *self.records(host, "AAAA"))


def plain_name(name: str) -> str:
    """A name as it is compared: small letters, no dot at its end."""
    return name.strip().rstrip(".").lower()
