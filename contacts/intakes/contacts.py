"""A file of people: who they are, how they are reached, and the company's own fields.

A contact is known by its number, else by its address. What the file says replaces what is stored, an empty cell
included; columns that the file does not have are left alone. Nothing here touches consents or suppression entries.
"""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from contacts.address_book import domain_key
from contacts.addresses import email_address
from contacts.fields import definitions
from contacts.importing import Field, Layout, Origin, Outcome, Rejected, Row, escaped, stage_lines
from contacts.importing.cells import text
from contacts.intakes import contact_rows
from contacts.intakes.contact_cells import COLUMNS, json_member, remembered
from contacts.intakes.repetitions import Folded, Repeated, address_taken, fold
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


# One row: number, hash of the address, address, and all else as COPY text. A plain tuple of plain values, because the
# garbage collector walks again and again over a million of anything else.
Person = tuple[str | None, bytes, str, str]


class ContactIntake:
    """Contacts, as the Intake of `crusoe import contacts`."""

    name = "contacts"

    def __init__(self) -> None:
        self._domains: dict[str, str] = {}
        self._number: int | None = None
        self._email = 0
        self._columns: list[tuple[int, Callable[[str], str]]] = []
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
        """One person, or `Rejected`. A large file calls this a million times: 10 µs here are 10 s there."""
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
        columns = [hashed, *[parse(cells[place]) for place, parse in self._columns]]
        if self._members:
            columns.append("{" + ",".join([member(cells[place]) for place, member in self._members]) + "}")
        return number, address_key(email.key), email.value, "\t".join(columns)

    def _hash_domain(self, domain: str) -> str:
        if len(self._domains) >= MOST_DOMAINS:
            self._domains.clear()
        hashed = self._domains[domain] = f"\\\\x{domain_key(domain).hex()}"
        return hashed

    def identify(self, record: Person) -> tuple[str, str]:
        """By number, else by address; the spelling of the address is no content."""
        number, key, _, columns = record
        return number or key.hex(), f"{key.hex()}{columns}"

    def store(self, session: Session, rows: Sequence[Row[Person]], *, rehearsal: bool) -> Outcome:
        """Store a chunk: fold repetitions, stage, and let a handful of statements do the rest."""
        del rehearsal
        folded = fold(rows)
        stage_lines(
            session,
            table="incoming",
            columns=contact_rows.staged(self.columns),
            lines=map(_line, folded.lines, folded.people),
        )
        stored = contact_rows.store(session, self.columns)
        created = contact_rows.is_new(session, list(folded.repeated)) if folded.repeated else set()
        return _count(folded, stored, is_changed=created | stored.updated)


def _line(line: int, person: Person) -> str:
    number, key, value, columns = person
    return f"{line}\t{escaped(number)}\t\\\\x{key.hex()}\t{escaped(value)}\t{columns}"


def _count(folded: Folded, stored: contact_rows.Stored, *, is_changed: set[int]) -> Outcome:
    """The outcome of every row: what happened to its contact, and how often the chunk repeated it."""
    outcome = Outcome(created=stored.created, updated=len(stored.updated), rejections=folded.rejections)
    outcome.unchanged = len(folded.lines) - stored.created - len(stored.updated) - len(stored.taken)
    for line, owner in stored.taken.items():
        again = folded.repeated.get(line, Repeated())
        outcome.rejections += [address_taken(number, owner) for number in (line, *again.lines)]
    for line, again in folded.repeated.items():
        if line in stored.taken:
            continue
        # What was replaced within the chunk changed the contact only if the chunk as a whole did.
        changed = again.changed if line in is_changed else 0
        outcome.updated += changed
        outcome.unchanged += again.same + again.changed - changed
    return outcome
