"""Rows of one chunk that are about the same person, folded into one: the last one counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contacts.importing import Rejection, Row, Rows
from core.sentences import say

# (number, hash of the address, address, all else); see `contacts.intakes.contacts`.
Person = tuple[str | None, bytes, str, str]


@dataclass
class Repeated:
    """Later rows about somebody. `same` of them said nothing new, `changed` ones replaced what was said before."""

    lines: list[int] = field(default_factory=list)
    same: int = 0
    changed: int = 0


@dataclass
class Folded:
    """The people of a chunk, each once: the line of the first row about them, and what the last one said."""

    lines: list[int] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    repeated: dict[int, Repeated] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)

    def repeat(self, place: int, line: int, person: Person) -> None:
        """Note another row about the person at `place`."""
        before = self.people[place]
        again = self.repeated.setdefault(self.lines[place], Repeated())
        again.lines.append(line)
        person = (person[0] or before[0], *person[1:])
        # The first spelling of an address stays: other letters of the same address are no change.
        if (person[0], person[1], person[3]) == (before[0], before[1], before[3]):
            again.same += 1
        else:
            again.changed += 1
            self.people[place] = person


def fold(rows: Sequence[Row[Person]]) -> Folded:
    """One entry per person. A row that gives one person's address to another is rejected."""
    folded = Folded()
    people = folded.people
    by_number: dict[str, int] = {}
    by_key: dict[bytes, int] = {}
    for line, person in _pairs(rows):
        number, key = person[0], person[1]
        holder = by_key.get(key)
        place = by_number.get(number) if number else holder
        if place is None and holder is not None and people[holder][0] is None:
            place = holder
        if holder is not None and holder != place:
            folded.rejections.append(address_taken(line, people[holder][0]))
            continue
        if place is None:
            place = len(people)
            folded.lines.append(line)
            people.append(person)
        else:
            by_key.pop(people[place][1])
            folded.repeat(place, line, person)
        by_key[key] = place
        if number:
            by_number[number] = place
    return folded


def _pairs(rows: Sequence[Row[Person]]) -> Any:
    """(line, person) of each row, without making a row of them where that can be avoided."""
    if isinstance(rows, Rows):
        return zip(rows.lines, rows.records, strict=True)
    return ((row.line, row.record) for row in rows)


def address_taken(line: int, number: str | None) -> Rejection:
    """The rejection of a row whose address is somebody else's."""
    owner = say("contact %(number)s", number=number) if number else say("a contact without a number")
    return Rejection(line, "email", "address_of_another", say("The address belongs to %(owner)s.", owner=owner))
