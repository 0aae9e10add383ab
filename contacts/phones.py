"""Telephone numbers in one spelling: E.164 (ITU-T), such as +436641234567."""

from functools import lru_cache

import phonenumbers


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
