"""When a postal entry of a list and an address of ours mean the same person. The tolerance is decided here, once.

Compared are surname, first letter of the forename, street with house number, and postcode. Folded away before: case,
accents and umlauts (ü = ue = u, ß = ss), punctuation and blanks, short forms of street (Str., St, Rd, Ave), titles, and
whatever stands before the house number's line such as a flat. So `J. Smith` meets `John Smith`, and also
`Jane Smith` at the same house: a letter too few is the safe side. Not folded: misspellings, other house numbers.
"""

import re
import unicodedata
from typing import NamedTuple

from suppression.lists.adapter import Candidate, Reading
from suppression.lists.sealed import sealed

_TITLES = frozenset(("dr", "prof", "mag", "ing", "dipl", "mr", "mrs", "ms", "miss", "herr", "frau", "mme", "sr", "fru"))
_STREET = re.compile(r"(strasse|straat|street|str|st)$")
_WAYS = {
    "road": "rd", "avenue": "av", "ave": "av", "lane": "ln", "drive": "dr", "close": "cl", "court": "ct",
    "square": "sq", "place": "pl", "gade": "gd", "vej": "vj", "alle": "al", "allee": "al", "platz": "pl",
}  # fmt: skip
_BRITISH = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})\b")
_DUTCH = re.compile(r"\b(\d{4}) ?([A-Z]{2})\b")
_NUMERIC = re.compile(r"\b(?:[A-Z]{1,2}[- ])?(\d{3} \d{2}|\d{4,5})\b")
_HOUSE = re.compile(r"(\d+) ?([a-z])?\b")


class Household(NamedTuple):
    """A person at an address, folded. `initial` is empty when no forename is known."""

    surname: str
    initial: str
    street: str
    postcode: str


def folded(words: str) -> list[str]:
    """Words without case, accents and punctuation."""
    spelled = words.casefold()
    for written, plain in (("ä", "a"), ("ö", "o"), ("ü", "u"), ("ß", "ss"), ("æ", "a"), ("ø", "o"), ("å", "a")):
        spelled = spelled.replace(written, plain)
    spelled = re.sub(r"(?<=[aou])e", "", spelled)
    bare = "".join(c for c in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", bare)


def street_key(line: str) -> str:
    """A street with its house number: `Hauptstr. 12a` and `Hauptstraße 12 A` are the same."""
    words = folded(line)
    joined = " ".join(words)
    house = _HOUSE.search(joined)
    named = [_WAYS.get(word, _STREET.sub("st", word)) for word in words if not word[0].isdigit() and len(word) > 1]
    return "".join(named) + ("".join(part or "" for part in house.groups()) if house else "")


def postcode_of(line: str) -> str:
    """The postcode in a line of an address, without blanks; empty when there is none."""
    upper = line.upper()
    for pattern in (_BRITISH, _DUTCH):
        if found := pattern.search(upper):
            return "".join(found.groups())
    numeric = _NUMERIC.search(upper)
    return numeric.group(1).replace(" ", "") if numeric else ""


def household(*, surname: str, forename: str, lines: list[str], postcode: str = "") -> Household | None:
    """Who is meant, or None when surname, street or postcode are not there. `lines`: the address without the name."""
    lines = [line.strip() for line in lines if line.strip()]
    if not postcode:
        numbered = [number for number, line in enumerate(lines) if postcode_of(line)]
        if not numbered or len(lines) == 1:
            return None
        postcode = lines[numbered[-1]]
        lines = lines[: numbered[-1]]
    streets = [line for line in lines if re.search(r"\d", line) and not re.match(r"(?i)(flat|apt|unit|room)\b", line)]
    street = street_key((streets or lines or [""])[0])
    names = [word for word in folded(forename) if word not in _TITLES]
    who = "".join(word for word in folded(surname) if word not in _TITLES)
    code = postcode_of(postcode)
    return Household(who, names[0][0] if names else "", street, code) if who and street and code else None


def entry_digests(found: Household) -> list[bytes]:
    """What is stored for an entry of a list: with its initial, and once more for those of us without a forename."""
    return [_digest(found, found.initial or "-"), _digest(found, "*")]


def looked_up(found: Household) -> tuple[bytes, ...]:
    """What an address of ours is looked up as."""
    return (_digest(found, found.initial), _digest(found, "-")) if found.initial else (_digest(found, "*"),)


def _digest(found: Household, initial: str) -> bytes:
    return sealed("postal", f"{found.surname}|{initial}|{found.street}|{found.postcode}")


def named_by_post(candidate: Candidate, _reading: Reading) -> tuple[bytes, ...]:
    """How a list of people with their addresses names an endpoint: by the address of the contact, on any channel.

    A postal endpoint holds the address in lines, or with commas between: street and number, then postcode and town.
    """
    address = candidate.value if candidate.channel == "post" else candidate.post
    if not address or not candidate.last_name:
        return ()
    lines = re.split(r"[\n;]|, ?", address)
    found = household(surname=candidate.last_name, forename=candidate.first_name or "", lines=lines)
    return looked_up(found) if found else ()
