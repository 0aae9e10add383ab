"""Rows of one chunk that are about the same person, folded into one: the last one counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contacts.importing import Outcome, Rejection, Row

if TYPE_CHECKING:
    from contacts.intakes.contacts import Person


@dataclass(slots=True)
class Said:
    """What a chunk says about one person. `same` rows said nothing new, `changed` ones replaced an earlier row."""

    line: int
    person: "Person"
    same: int = 0
    changed: int = 0
    later: list[int] = field(default_factory=list)

    def all_lines(self) -> list[int]:
        """Every line that is about this person."""
        return [self.line, *self.later]


@dataclass
class Folded:
    """The people of a chunk, each once, and the rows that contradict the chunk itself."""

    people: list[Said]
    outcome: Outcome


def fold(rows: Sequence[Row["Person"]]) -> Folded:
    """One entry per person. A row that gives one person's address to another is rejected."""
    people: list[Said] = []
    outcome = Outcome()
    by_number: dict[str, Said] = {}
    by_key: dict[bytes, Said] = {}
    for line, _, person in rows:
        number, key = person.number, person.key
        holder = by_key.get(key)
        said = by_number.get(number) if number else holder
        if said is None and holder is not None and holder.person.number is None:
            said = holder
        if holder is not None and holder is not said:
            outcome.rejections.append(address_taken(line, holder.person.number))
            continue
        if said is None:
            said = Said(line, person)
            people.append(said)
        else:
            _repeat(said, line, person, by_key)
        by_key[key] = said
        if number:
            by_number[number] = said
    return Folded(people, outcome)


def _repeat(said: Said, line: int, person: "Person", by_key: dict[bytes, Said]) -> None:
    before = said.person
    said.later.append(line)
    person = person._replace(number=person.number or before.number)
    if (person.number, person.key, person.columns) == (before.number, before.key, before.columns):
        said.same += 1
        return
    said.changed += 1
    said.person = person
    if before.key != person.key:
        del by_key[before.key]


def address_taken(line: int, number: str | None) -> Rejection:
    """The rejection of a row whose address is somebody else's."""
    owner = f"contact {number}" if number else "a contact without a number"
    return Rejection(line, "email", "address_of_another", f"The address belongs to {owner}.")
