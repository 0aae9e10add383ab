"""Telephone numbers in one spelling: E.164 (ITU-T), such as +43664123456."""

from functools import lru_cache

import phonenumbers

from suppression.lists.adapter import Candidate, Reading
from suppression.lists.sealed import sealed

# Countries of the lists under codes that are not those of ISO 3166.
_REGIONS = {"UK": "GB"}


@lru_cache(maxsize=10_000)
def e164(typed: str, country: str | None) -> str | None:
    """A number as people write it, in E.164; None when it is none. `country`: for numbers without a country code."""
    typed = typed.strip()
    if typed.startswith("00"):
        typed = f"+{typed[2:]}"
    try:
        number = phonenumbers.parse(typed, _REGIONS.get(country or "", country))
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_digest(number: str) -> bytes:
    """The stored form of a number in E.164."""
    return sealed("phone", number)


def named_by_phone(country: str | None = None) -> "NamedByPhone":
    """How a list of telephone numbers names an endpoint; `country` is for numbers of contacts without a country."""
    return NamedByPhone(country)


class NamedByPhone:
    """Makes the entry of a telephone endpoint. A number without a country code is one of the contact's country."""

    def __init__(self, country: str | None) -> None:
        self.country = country

    def __call__(self, candidate: Candidate, _reading: Reading) -> tuple[bytes, ...]:
        """The entries that would name this endpoint."""
        if candidate.channel not in {"phone", "sms"}:
            return ()
        # Without a country code, both readings count: a listing too many is better than one too few.
        read = {e164(candidate.value, country) for country in (candidate.country, self.country)}
        return tuple(sorted(phone_digest(number) for number in read if number))
