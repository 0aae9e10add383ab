"""How lists of telephone numbers name an endpoint: by the number in E.164."""

from contacts import e164
from suppression.lists.adapter import Candidate, Reading
from suppression.lists.sealed import sealed


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
