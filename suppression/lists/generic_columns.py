"""Tables with a header, CSV or XLSX, of lists whose own format is not public. What a column holds is said, not guessed.

`--set email=E-Mail --set postcode=PLZ` maps our names to the headers of the file. Each row must yield an entry; one
that does not makes the whole file refused, because a column mapped wrongly would otherwise go by unseen.
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

from contacts import e164, email_address
from core.errors import WrongInput
from core.sentences import say
from suppression.lists.adapter import (
    Candidate,
    Contents,
    EntryKind,
    ListSpec,
    Options,
    Reading,
    broken,
    empty,
    wrong_option,
)
from suppression.lists.at_ecg_file import spellings
from suppression.lists.phones import NamedByPhone, phone_digest
from suppression.lists.postal import entry_digests, household, named_by_post
from suppression.lists.sealed import sealed
from suppression.lists.spreadsheet import sheet_rows
from suppression.lists.text import ZIP, blocks, head, lines, parts, rows, without_blank_end

PERSON = ("surname", "forename", "street", "number", "postcode")
COLUMNS = {
    "email": "column of e-mail addresses",
    "domain": "column of domains, each meant exactly",
    "phone": "column of telephone numbers",
    "surname": "column of surnames, together with street and postcode",
    "forename": "column of forenames",
    "street": "column of streets, with the house number unless `number` holds it",
    "number": "column of house numbers",
    "postcode": "column of postcodes",
}
OPTIONS = COLUMNS | {
    "country": "country of telephone numbers without a country code, such as CH",
    "delimiter": "what stands between two fields: , ; | or tab [,]",
    "encoding": "encoding of the text [utf-8]",
    "sheet": "name of the sheet of a spreadsheet [the first]",
}
DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
_ENCODINGS = ("utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16")
_DOMAIN = re.compile(r"@?([\w-]+\.)+[\w-]{2,}")

Row = Mapping[str, str]


def open_file(path: Path, options: Options) -> Contents:
    """Refuse a file without the mapped columns."""
    wanted = {ours: header for ours, header in options.items() if ours in COLUMNS}
    if not {"email", "domain", "phone", "surname"} & wanted.keys():
        raise wrong_option(
            "columns",
            say("It must be said which columns hold the entries."),
            say("Give at least one, such as --set email=HEADER or --set phone=HEADER."),
        )
    if "surname" in wanted and not {"street", "postcode"} <= wanted.keys():
        raise wrong_option("surname", say("A person is found by surname, street and postcode together."))
    found = _table(path, options)
    header = next(found, None)
    if header is None:
        raise empty(path)
    names = [name.strip() for name in header[1]]
    for ours, column in wanted.items():
        if names.count(column.strip()) != 1:
            raise wrong_option(
                ours,
                say("There is not exactly one column %(name)s.", name=repr(column)),
                say("The file has: %(known)s.", known=", ".join(names)),
            )
    places = {ours: names.index(column.strip()) for ours, column in wanted.items()}
    return Contents(blocks=blocks(_digests(path, found, places, options), size=10_000), reading=dict(options))


def _table(path: Path, options: Options) -> Iterator[tuple[int, list[str]]]:
    if head(path) == ZIP and _is_spreadsheet(path):
        yield from _as_wide(path, sheet_rows(path, sheet=options.get("sheet")))
        return
    delimiter, encoding = options.get("delimiter", ","), options.get("encoding", "utf-8").lower()
    if delimiter not in DELIMITERS:
        raise wrong_option("delimiter", say("It is one of: %(known)s.", known=" ".join(DELIMITERS)))
    if encoding not in _ENCODINGS:
        raise wrong_option("encoding", say("It is one of: %(known)s.", known=", ".join(_ENCODINGS)))
    for name, file in parts(path):
        read = lines(name, file, encoding="utf-8-sig" if encoding == "utf-8" else encoding)
        yield from rows(name, without_blank_end(name, read), delimiter=DELIMITERS[delimiter])


def _is_spreadsheet(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except zipfile.BadZipFile as error:
        raise broken(path, 0, say("The archive is damaged or locked.")) from error


def _as_wide(path: Path, found: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    first = next(found, None)
    if first is None:
        return
    for number, row in chain([first], found):
        if len(row) != len(first[1]):
            raise broken(path, number, say("The sheet is not a plain table."))
        yield number, row


def _digests(
    path: Path, table: Iterator[tuple[int, list[str]]], places: Mapping[str, int], options: Options
) -> Iterator[bytes]:
    some = False
    for number, row in table:
        fields = {ours: row[place].strip() for ours, place in places.items()}
        found = [digest for read in _READERS for digest in read(path, number, fields, options)]
        if not found:
            raise broken(path, number, say("A row names nobody."))
        some = True
        yield from found
    if not some:
        raise empty(path)


def _address(path: Path, number: int, row: Row, _options: Options) -> list[bytes]:
    if not row.get("email"):
        return []
    try:
        return [sealed("email", email_address(row["email"]).key)]
    except WrongInput as error:
        raise broken(path, number, error.message) from error


def _domain(path: Path, number: int, row: Row, _options: Options) -> list[bytes]:
    if not row.get("domain"):
        return []
    if not _DOMAIN.fullmatch(row["domain"]):
        raise broken(path, number, say("A line is no domain."))
    return [sealed("domain", spelling) for spelling in spellings(row["domain"].removeprefix("@"))]


def _phone(path: Path, number: int, row: Row, options: Options) -> list[bytes]:
    if not row.get("phone"):
        return []
    found = e164(row["phone"], options.get("country"))
    if found is None:
        raise broken(path, number, say("There is no telephone number where one should stand."))
    return [phone_digest(found)]


def _person(path: Path, number: int, row: Row, _options: Options) -> list[bytes]:
    if "surname" not in row or not any(row.get(name) for name in PERSON):
        return []
    street = f"{row.get('street', '')} {row.get('number', '')}"
    found = household(
        surname=row.get("surname", ""), forename=row.get("forename", ""), lines=[street], postcode=row["postcode"]
    )
    if found is None:
        raise broken(path, number, say("A record has no surname or no address."))
    return entry_digests(found)


_READERS: tuple[Callable[[Path, int, Row, Options], list[bytes]], ...] = (_address, _domain, _phone, _person)


def named(candidate: Candidate, reading: Reading) -> tuple[bytes, ...]:
    """The entries that would name an endpoint, of the kinds that the file had."""
    found: list[bytes] = []
    if "email" in reading and candidate.channel == "email":
        with suppress(WrongInput):
            found.append(sealed("email", email_address(candidate.value).key))
    if "phone" in reading:
        found += NamedByPhone(reading.get("country"))(candidate, reading)
    if "surname" in reading:
        found += named_by_post(candidate, reading)
    return tuple(found)


def domain_named(domain: str, reading: Reading) -> tuple[bytes, ...]:
    """The entries that would name a domain."""
    return tuple(sealed("domain", spelling) for spelling in spellings(domain)) if "domain" in reading else ()


SPEC = ListSpec(
    id="generic.columns",
    operator="",
    title="Table with named columns",
    country="",
    channels=("email", "sms", "phone", "post"),
    kinds=(EntryKind.ADDRESS, EntryKind.DOMAIN, EntryKind.PHONE, EntryKind.POSTAL),
    normaliser="by column: address key, E.164, folded person with postal address",
    match_rule="any mapped column",
    max_age_days=30,
    legal_basis="agreement with the operator",
    defeats=("existing_customer", "legitimate_interest"),
    named=named,
    domain_named=domain_named,
    read=open_file,
    options=OPTIONS,
)


def columns_list(list_id: str, **said: object) -> ListSpec:
    """A list under its own id whose files are such tables."""
    return replace(SPEC, id=list_id, **said)  # type: ignore[arg-type]
