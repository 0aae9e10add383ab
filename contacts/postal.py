"""Postal addresses: how one is kept, and what stands for a person at one."""

import re
import unicodedata


def postal_value(*, street: str, postcode: str, town: str, country: str | None) -> str:
    """An address in lines, as it is printed: street and number, postcode and town, country."""
    return "\n".join(line for line in (street, f"{postcode} {town}".strip(), country or "") if line)


def postal_key(value: str, *, first_name: str | None, last_name: str | None) -> str:
    """What is hashed for a person at an address: the same after a new import, whatever its case and punctuation."""
    return "post:" + "|".join(_folded(part) for part in (last_name or "", first_name or "", value))


def _folded(words: str) -> str:
    bare = unicodedata.normalize("NFKD", words.casefold())
    return " ".join(re.findall(r"\w+", "".join(letter for letter in bare if not unicodedata.combining(letter))))
