"""Bodies of the API: what may be asked, and how the answers are spelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import EmailAddress, PhoneNumber, email_address, phone_number
from contacts.models import Controller
from core.errors import WrongInput
from core.sentences import say
from suppression import Answer, Answers, Question

MOST_ADDRESSES = 1_000

Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\w.:+-]+$")]
Written = Annotated[str, StringConstraints(max_length=320)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(_Strict):
    """Up to 1,000 addresses and one question about them; telephone numbers where the channel is `phone` or `sms`."""

    addresses: list[Written] = Field(min_length=1, max_length=MOST_ADDRESSES)
    channel: Literal["email", "phone", "sms"] = "email"
    purpose: Word = "newsletter"
    controller: Word = "default"
    topic: Word | None = None


class Case(_Strict):
    """A complaint or service case and the people whom it concerns."""

    case: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    addresses: list[Written] = Field(min_length=1, max_length=MOST_ADDRESSES)


class ClosedCase(_Strict):
    """A case that is settled."""

    case: Annotated[str, StringConstraints(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Batch:
    """The addresses of a body: those that can be read, once each, and what is wrong with the others."""

    people: tuple[EmailAddress | PhoneNumber, ...]
    written: tuple[tuple[str, EmailAddress | PhoneNumber | WrongInput], ...]


def batch(addresses: Sequence[str], *, channel: str) -> Batch:
    """Read the addresses; one that is none is reported in its place, and the rest goes on."""
    read = email_address if channel == "email" else phone_number
    written: list[tuple[str, EmailAddress | PhoneNumber | WrongInput]] = []
    for text in addresses:
        try:
            written.append((text, read(text)))
        except WrongInput as error:
            written.append((text, error))
    people = {one.key: one for _, one in written if not isinstance(one, WrongInput)}
    return Batch(people=tuple(people.values()), written=tuple(written))


def question(session: Session, asked: Asked) -> Question:
    """What is asked; the controller by its code. Who asks writes or calls at once, so quiet hours count."""
    found = session.scalar(select(Controller.id).where(Controller.code == asked.controller))
    if found is None:
        raise WrongInput(
            "controller_unknown",
            say("There is no controller %(code)s.", code=repr(asked.controller)),
            where="controller",
        )
    return Question(asked.channel, asked.purpose, controller_id=found, topic=asked.topic, at_once=True)


def spelled(read: Batch, answers: Answers) -> dict[str, Any]:
    """The answers in the order of the body. An address that stands there twice has one answer, said twice."""
    by_key = {answer.address: answer for answer in answers.answers}
    return {
        "decided_at": answers.decided_at,
        "rules_version": answers.rules_version,
        "lists": dict(answers.lists),
        "decisions": [_one(text, found, by_key) for text, found in read.written],
    }


def _one(text: str, found: EmailAddress | PhoneNumber | WrongInput, by_key: dict[str, Answer]) -> dict[str, Any]:
    if isinstance(found, WrongInput):
        return {"address": text, "error": {"code": found.code, "message": found.message}}
    answer = by_key[found.key]
    said: dict[str, Any] = {
        "address": text,
        "verdict": answer.verdict,
        "code": answer.code,
        "reasons": list(answer.reasons),
        "basis": answer.basis,
        "evidence": dict(answer.evidence),
    }
    if answer.decision is not None:
        said["decision"] = answer.decision
    if answer.permit is not None:
        said |= {"permit": answer.permit, "valid_until": answer.valid_until}
    return said
