"""The sample company: 5,000 made-up people, the same ones on every machine, with dates relative to today.

Everything is written as the files that a real company would hand over, so that the demo imports them as everybody does.
All addresses are in reserved domains (RFC 2606): nothing here can reach a person.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1
from pathlib import Path
from random import Random

SEED = 20_260_101
PEOPLE = 5_000

FIRST = (
    "Anna Ben Clara David Elif Emil Eva Felix Greta Hannah Ines Jakob Jana Jonas Karim Lara Lea Leon Lina Lukas Maja "
    "Marie Max Mia Mira Nele Nina Noah Ole Oskar Paul Pia Rosa Ruben Samir Sofia Theo Tim Vera Yusuf"
).split()
LAST = (
    "Arslan Auer Bauer Berger Brandt Ebner Fischer Fuchs Gruber Haas Hofer Huber Jansen Keller Koch Kraus Lang Lechner "
    "Leitner Maier Moser Müller Nowak Okafor Petrov Pichler Reiter Richter Rossi Sauer Schmid Schuster Steiner Tanaka "
    "Vogel Wagner Weber Winkler Wolf Yılmaz"
).split()
PLAIN = str.maketrans({"ü": "ue", "ö": "oe", "ä": "ae", "ß": "ss", "ı": "i", "ó": "o"})
COUNTRIES = (("DE", "de", 52), ("AT", "de", 30), ("CH", "de", 10), ("NL", "en", 8))
INTERESTS = ("hiking", "cycling", "climbing", "camping", "running")


@dataclass(frozen=True)
class Person:
    """One customer of the sample company, with the standing that decides what happens to a mail."""

    number: str
    first: str
    last: str
    email: str
    country: str
    language: str
    interest: str
    visits: int
    newsletter: bool
    standing: str


# What share of people has which standing, in percent.
STANDINGS = (
    ("consent", 55),
    ("consent_stale", 4),
    ("consent_lapsed", 3),
    ("unconfirmed", 8),
    ("customer", 12),
    ("customer_without_notice", 4),
    ("opted_out", 5),
    ("came_back", 2),
    ("stranger", 7),
)


def people(count: int = PEOPLE) -> list[Person]:
    """The people, always the same."""
    random = Random(SEED)
    names, weights = zip(*STANDINGS, strict=True)
    return [_person(index, random, random.choices(names, weights)[0]) for index in range(1, count + 1)]


def _person(index: int, random: Random, standing: str) -> Person:
    first, last = random.choice(FIRST), random.choice(LAST)
    country, language, _ = random.choices(COUNTRIES, [weight for *_, weight in COUNTRIES])[0]
    local = f"{first}.{last}{index}".lower().translate(PLAIN)
    return Person(
        number=f"A{index:06d}",
        first=first,
        last=last,
        email=f"{local}@mail{random.randrange(40)}-{country.lower()}.example",
        country=country,
        language=language,
        interest=random.choice(INTERESTS),
        visits=random.randrange(30),
        newsletter=standing in {"consent", "came_back"},
        standing=standing,
    )


def write(folder: Path, *, today: datetime) -> None:
    """Write the files of the company into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    crowd = people()
    _csv(folder / "contacts.csv", CONTACT_COLUMNS, _contacts(crowd))
    _csv(folder / "consents.csv", CONSENT_COLUMNS, _consents(crowd, today))
    _csv(folder / "orders.csv", ORDER_COLUMNS, _orders(crowd, today))
    _csv(folder / "optouts.csv", OPTOUT_COLUMNS, _optouts(crowd, today))
    (folder / "ecg-liste.hash").write_bytes(_robinson(crowd))


CONTACT_COLUMNS = (
    "number", "email", "first_name", "last_name", "country", "language", "kind", "interest", "visits", "member",
    "source",
)  # fmt: skip
CONSENT_COLUMNS = (
    "email", "channel", "purpose", "basis", "text_version", "requested_at", "request_ip", "confirmed_at", "confirm_ip",
    "source",
)  # fmt: skip
ORDER_COLUMNS = ("order_id", "customer_no", "email", "ordered_at", "category", "amount_eur", "objection_notice_shown")
OPTOUT_COLUMNS = ("email", "channel", "purpose", "at", "reason")


def _contacts(crowd: list[Person]) -> Iterator[tuple[object, ...]]:
    for who in crowd:
        member = "yes" if who.newsletter else "no"
        yield (
            who.number, who.email, who.first, who.last, who.country, who.language, "b2c", who.interest, who.visits,
            member, "shop",
        )  # fmt: skip
    # Three rows that a real export also has: each is refused with its reason, and nothing else suffers.
    yield "A900001", "no-address", "Nobody", "Here", "DE", "de", "b2c", "hiking", 0, "no", "shop"
    yield "A900002", "two@@signs.example", "Nobody", "Here", "DE", "de", "b2c", "hiking", 0, "no", "shop"
    yield "A900003", "", "Nobody", "Here", "DE", "de", "b2c", "hiking", 0, "no", "shop"


# Days before today on which the consent was confirmed.
CONFIRMED = {"consent": 90, "consent_stale": 600, "consent_lapsed": 900, "opted_out": 300, "came_back": 20}


def _consents(crowd: list[Person], today: datetime) -> Iterator[tuple[object, ...]]:
    for index, who in enumerate(crowd):
        if who.standing not in CONFIRMED and who.standing != "unconfirmed":
            continue
        asked = today - timedelta(days=CONFIRMED.get(who.standing, 40) + index % 10, minutes=index % 600)
        confirmed = "" if who.standing == "unconfirmed" else (asked + timedelta(minutes=7)).isoformat()
        ip = f"198.51.100.{index % 250 + 1}"
        yield (
            who.email, "email", "newsletter", "double_opt_in", "newsletter-1", asked.isoformat(), ip, confirmed,
            ip if confirmed else "", "website form",
        )  # fmt: skip


def _orders(crowd: list[Person], today: datetime) -> Iterator[tuple[object, ...]]:
    for index, who in enumerate(crowd):
        if who.standing.startswith("customer"):
            shown = "yes" if who.standing == "customer" else "no"
            day = today - timedelta(days=30 + index % 300)
            yield f"O{index:06d}", who.number, who.email, day.isoformat(), "outdoor", f"{20 + index % 180}.90", shown


def _optouts(crowd: list[Person], today: datetime) -> Iterator[tuple[object, ...]]:
    for index, who in enumerate(crowd):
        if who.standing in {"opted_out", "came_back"}:
            day = today - timedelta(days=60 + index % 40)
            yield who.email.upper(), "email", "newsletter", day.isoformat(), "unsubscribe link"


def _robinson(crowd: list[Person]) -> bytes:
    """An ECG list as its operator publishes it: SHA-1 of addresses and of whole domains, in no order."""
    listed = [*[who.email for who in crowd if who.country == "AT"][::25], "@mail7-at.example"]
    others = [f"somebody{index}@elsewhere.example" for index in range(2_000)]
    return b"".join(sha1(text.encode(), usedforsecurity=False).digest() for text in listed + others)


def _csv(path: Path, columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
