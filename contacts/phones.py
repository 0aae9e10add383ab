"""Telephone numbers in one spelling: E.164 (ITU-T), such as +436641234567."""

from functools import lru_cache
from typing import NamedTuple

import phonenumbers

from core.errors import WrongInput
from core.sentences import say


class PhoneNumber(NamedTuple):
    """A telephone number: as it is dialled, and as it is hashed. It has no domain."""

    value: str
    key: str
    domain: str = ""


def phone_number(typed: str) -> PhoneNumber:
    """A number with its country code. WrongInput when it is none."""
    found = e164(typed, None)
    if found is None:
        raise WrongInput(
            "not_a_phone_number",
            say("%(cell)s is no telephone number; write it like +43 664 1234567.", cell=repr(typed[:40])),
        )
    return PhoneNumber(found, phone_key(found))


@lru_cache(maxsize=10_000)
def e164(typed: str, country: str | None) -> str | None:
    """A number as people write it, in E.164; None when it is none. `country`: for numbers without a country code."""
    typed = typed.strip()
    if typed.startswith("00"):
        typed = f"+{typed[2:]}"
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_key(number: str) -> str:
    """What is hashed for a number in E.164, so that no number is ever taken for an e-mail address."""
    return f"tel:{number}"
