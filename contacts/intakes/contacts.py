"""A file of people: who they are, how they are reached, and the company's own fields.

A contact is known by its number, else by its address. What the file says replaces what is stored, an empty cell
included; columns that the file does not have are left alone. Nothing here touches consents or suppression entries.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from contacts.address_book import domain_key
from contacts.addresses import email_address
from contacts.fields import definitions
from contacts.importing import Field, Layout, Origin, Outcome, Rejected, Row, stage
from contacts.importing.cells import text
from contacts.intakes import contact_rows
from contacts.intakes.contact_cells import COLUMNS, Parser, json_member, remembered
from contacts.intakes.repetitions import Said, fold
from core.errors import WrongInput
from core.keys import address_key

FIELDS = (
    Field("number", aliases=("customer_no", "customer_number", "kundennummer")),
    Field("email", required=True, aliases=("e-mail", "email_address", "mail")),
    Field("first_name", aliases=("firstname", "vorname")),
    Field("last_name", aliases=("lastname", "surname", "nachname")),
    Field("language", aliases=("sprache",)),
    Field("country", aliases=("land",)),
    Field("kind", aliases=("customer_type",)),
    Field("company", aliases=("firma",)),
    Field("source", aliases=("quelle",)),
)
LONGEST_NUMBER = 100
MOST_DOMAINS = 100_000


class Person(NamedTuple):
    """One row. `columns` are the values of the mapped columns, in the order of the layout, and the fields as JSON."""

    number: str | None
    key: bytes
    domain_key: bytes
    value: str
    columns: tuple[str | None, ...]


class ContactIntake:
    """Contacts, as the Intake of `crusoe import contacts`."""

    name = "contacts"

    def __init__(self) -> None:
        self._domains: dict[str, bytes] = {}
        self._number: int | None = None
        self._email = 0
        self._columns: list[tuple[int, Parser]] = []
        self._members: list[tuple[int, Callable[[str], str]]] = []
        self.columns: tuple[str, ...] = ()

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of every contact, and the fields that were declared."""
        return (*FIELDS, *(Field(field.name) for field in definitions(session)))

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """Choose a parser for each mapped column."""
        del origin
        places = layout.positions
        self._number, self._email = places.get("number"), places["email"]
        mapped = [name for name in COLUMNS if name in places]
        self._columns = [(places[name], remembered(COLUMNS[name])) for name in mapped]
        own = [field for field in definitions(session) if field.name in places]
        self._members = [(places[field.name], remembered(json_member(field))) for field in own]
        self.columns = (*mapped, "fields") if own else tuple(mapped)

    def read(self, cells: Sequence[str]) -> Person:
        """One person, or `Rejected`. This runs a million times; see docs on imports before adding to it."""
        try:
            email = email_address(cells[self._email])
        except WrongInput as error:
            raise Rejected("email", error.code, error.message) from None
        hashed = self._domains.get(email.domain)
        if hashed is None:
            hashed = self._hash_domain(email.domain)
        number = None if self._number is None else cells[self._number].strip() or None
        if number is not None and (len(number) > LONGEST_NUMBER or not number.isprintable()):
            number = text(number, field="number", longest=LONGEST_NUMBER)
        columns = [parse(cells[place]) for place, parse in self._columns]
        if self._members:
            columns.append("{" + ",".join([member(cells[place]) for place, member in self._members]) + "}")
        return Person(number, address_key(email.key), hashed, email.value, tuple(columns))

    def _hash_domain(self, domain: str) -> bytes:
        if len(self._domains) >= MOST_DOMAINS:
            self._domains.clear()
        hashed = self._domains[domain] = domain_key(domain)
        return hashed

    def identify(self, record: Person) -> tuple[str, str]:
        """By number, else by address; the spelling of the address is no content."""
        return record.number or record.key.hex(), f"{record.key.hex()}{record.columns}"

    def store(self, session: Session, rows: Sequence[Row[Person]], *, rehearsal: bool) -> Outcome:
        """Store a chunk: fold repetitions, stage, and let a handful of statements do the rest."""
        del rehearsal
        folded = fold(rows)
        stage(
            session,
            table="incoming",
            columns=contact_rows.staged(self.columns),
            rows=((said.line, *said.person[:4], *said.person.columns) for said in folded.people),
        )
        stored = contact_rows.store(session, self.columns)
        return _count(folded.people, folded.outcome, stored)


def _count(people: Sequence[Said], outcome: Outcome, stored: contact_rows.Stored) -> Outcome:
    """The outcome of every row: what happened to its contact, and how often the chunk repeated it."""
    for said in people:
        if said.line in stored.taken:
            outcome.rejections += [
                contact_rows.address_taken(line, stored.taken[said.line]) for line in said.all_lines()
            ]
            continue
        outcome.unchanged += said.same
        if said.line in stored.created:
            outcome.created += 1
            outcome.updated += said.changed
        elif said.line in stored.updated:
            outcome.updated += 1 + said.changed
        else:
            outcome.unchanged += 1 + said.changed
    return outcome
