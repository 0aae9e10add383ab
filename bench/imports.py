"""I1: importing a file of people against COPY of the same rows. I2: against an import through the object mapper.

All three sides end with the same people in `contact`, `address` and `endpoint`, with every key, index and foreign key
that these tables have in the product. COPY gets its rows ready made, from memory; the others get the file.
"""

import csv
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from bench.result import Measured
from contacts.fields import define
from contacts.importing import import_file
from contacts.intakes import ContactIntake
from contacts.models import Address, Channel, Contact, Endpoint, FieldType, Kind
from core.db import engine, transaction
from core.keys import address_key

SIZE = 200_000
NAIVE_SIZE = 2_000
NAIVE_COMMIT = 100
DOMAINS = 5_000
COLUMNS = ("number", "email", "first_name", "last_name", "country", "language", "kind", "age", "job", "source")
FIRST = ("Anna", "Ben", "Chloé", "Elias", "Håkon", "Jürgen", "Lea", "Müşerref", "Noah", "Zoë")
LAST = ("Berger", "Çelik", "Fuchs", "Gruber", "Hofer", "Meier", "Öztürk", "Schmidt", "Wagner", "van Dijk")
JOBS = ("admin.", "management", "retired", "services", "student", "technician")

_COPIES = {
    "address": "COPY address (id, key, domain_key, key_id) FROM STDIN",
    "contact": "COPY contact (id, number, first_name, last_name, language, country, kind, fields, source) FROM STDIN",
    "endpoint": "COPY endpoint (contact_id, channel, address_id, value) FROM STDIN",
}


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers I1 and I2, in rows a second. `size`: rows of the file; the slow side gets fewer."""
    size = size or SIZE
    with transaction() as session:
        define(session, name="age", label="Age", type=FieldType.INTEGER)
        define(session, name="job", label="Job", type=FieldType.TEXT)
    ours: list[float] = []
    copied: list[float] = []
    naive: list[float] = []
    with tempfile.TemporaryDirectory(prefix="crusoe-bench-") as folder:
        file, few = Path(folder) / "people.csv", Path(folder) / "few.csv"
        write_people(file, size)
        write_people(few, NAIVE_SIZE)
        for _ in range(rounds):
            ours.append(size / _import(file, size))
            copied.append(_copy())
            naive.append(NAIVE_SIZE / _import_naively(few))
    note = f"{size:,} rows"
    return [
        Measured("I1", ours=ours, yardstick=copied, unit="rows/s", note=note),
        Measured("I2", ours=ours, yardstick=naive, unit="rows/s", note=f"{note}, {NAIVE_SIZE:,} through the mapper"),
    ]


def write_people(path: Path, size: int) -> None:
    """A file of `size` people: 1 % have an address that is none, 0.5 % stand there twice."""
    draw = random.Random(20)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in range(size):
            number = row - 1 if row % 200 == 199 else row
            first, last = FIRST[number % 10], LAST[number // 10 % 10]
            at = " at " if row % 100 == 7 else "@"
            email = f"person.{number}{at}firma{number % DOMAINS}.example"
            age, job = 18 + number % 70, JOBS[number % len(JOBS)]
            country = draw.choice(("AT", "CH", "DE", "NL"))
            writer.writerow((f"C{number:08}", email, first, last, country, "de", "b2c", age, job, "export"))


def _import(file: Path, size: int) -> float:
    _empty()
    begun = perf_counter()
    result = import_file(ContactIntake(), path=file)
    seconds = perf_counter() - begun
    assert result.rows == size, result
    assert result.rejected == sum(1 for row in range(size) if row % 100 == 7), result
    return seconds


def _copy() -> float:
    """Rows a second of a plain COPY of what our side has just stored, after emptying the tables."""
    rows = {table: _text_of(statement) for table, statement in _COPIES.items()}
    count = rows["contact"].count(b"\n")
    _empty()
    begun = perf_counter()
    with transaction() as session:
        cursor = _driver(session).cursor()
        for table, statement in _COPIES.items():
            with cursor.copy(statement) as copy:
                copy.write(rows[table])
    return count / (perf_counter() - begun)


def _text_of(statement: str) -> bytes:
    with transaction() as session, _driver(session).cursor().copy(statement.replace("FROM STDIN", "TO STDOUT")) as copy:
        return b"".join(bytes(part) for part in copy)


def _driver(session: Session) -> Any:
    return session.connection().connection.driver_connection


def _import_naively(file: Path) -> float:
    """An ordinary import: DictReader, one look-up per row, a commit every hundred rows."""
    _empty()
    begun = perf_counter()
    with Session(engine()) as session:
        for count, row in enumerate(_dicts(file), start=1):
            _get_or_create(session, row)
            if count % NAIVE_COMMIT == 0:
                session.commit()
        session.commit()
    return perf_counter() - begun


def _dicts(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _get_or_create(session: Session, row: dict[str, str]) -> None:
    try:
        email = validate_email(row["email"].strip(), check_deliverability=False)
    except EmailNotValidError:
        return
    key = address_key(email.normalized.lower())
    address = session.scalar(select(Address).where(Address.key == key))
    if address is None:
        address = Address(key=key, domain_key=address_key(f"@{email.ascii_domain}"))
        session.add(address)
    contact = session.scalar(select(Contact).where(Contact.number == row["number"]))
    if contact is None:
        contact = Contact(number=row["number"])
        session.add(contact)
    contact.first_name, contact.last_name = row["first_name"], row["last_name"]
    contact.country, contact.language, contact.kind = row["country"], row["language"], Kind(row["kind"])
    contact.fields, contact.source = {"age": int(row["age"]), "job": row["job"]}, row["source"]
    session.flush()
    wanted = select(Endpoint).where(Endpoint.channel == Channel.EMAIL, Endpoint.address_id == address.id)
    if session.scalar(wanted) is None:
        values = {"contact_id": contact.id, "address_id": address.id, "value": email.normalized}
        session.add(Endpoint(channel=Channel.EMAIL, **values))


def _empty() -> None:
    """Both sides start with empty tables and nothing left to write back."""
    with transaction() as session:
        # Evidence tables refuse TRUNCATE, and emptying addresses reaches them; in a bench they are empty anyway.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("TRUNCATE contact, address, endpoint CASCADE"))
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
