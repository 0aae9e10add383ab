"""What a cell says: times, numbers, yes or no. Each function answers the value or raises `Rejected`."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

from contacts.addresses import EmailAddress, email_address
from contacts.importing.intake import Rejected
from contacts.phones import e164
from core import clock
from core.errors import WrongInput
from core.sentences import Count, say

YES = frozenset({"yes", "y", "true", "1", "ja", "j", "wahr"})
NO = frozenset({"no", "n", "false", "0", "nein", "falsch"})

# Clocks of two machines differ a little; a consent of tomorrow is a mistake, and would outlive objections of today.
FUTURE = timedelta(hours=26)

# So much of a cell is shown in a complaint about it.
QUOTED = 40

DECIMAL = re.compile(r"[-+]?\d{1,12}(?:\.\d+)?").fullmatch


def email(cell: str, *, field: str) -> EmailAddress:
    """A valid e-mail address."""
    try:
        return email_address(cell)
    except WrongInput as error:
        raise Rejected(field, error.code, error.message) from None


def phone(cell: str, *, field: str, country: str) -> str:
    """A telephone number in E.164; `country` is for numbers without a country code, and may be empty."""
    found = e164(cell, country.upper() or None)
    if found is None:
        raise Rejected(
            field,
            "not_a_phone_number",
            say("%(cell)s is no telephone number; write it like +43 664 1234567.", cell=_short(cell)),
        )
    return found


def one_of(cell: str, known: Sequence[str], *, field: str) -> str:
    """A code, as it stands among the known ones."""
    if cell not in known:
        message = say("%(cell)s is not known here; known: %(known)s.", cell=_short(cell), known=", ".join(known))
        raise Rejected(field, f"{field}_unknown", message)
    return cell


def text(cell: str, *, field: str, longest: int) -> str | None:
    """Words on one line, or None when there are none. Control characters become blanks."""
    if not cell:
        return None
    if len(cell) > longest:
        raise Rejected(
            field,
            "too_long",
            say("%(count)s characters; %(most)s are allowed.", count=Count(len(cell)), most=Count(longest)),
        )
    if not cell.isprintable():
        cell = " ".join("".join(letter if letter.isprintable() else " " for letter in cell).split())
    return cell or None


def required(cell: str, *, field: str, longest: int) -> str:
    """Words on one line that must be there."""
    found = text(cell, field=field, longest=longest)
    if found is None:
        raise Rejected(field, "missing", say("This cell must not be empty."))
    return found


def yes_or_no(cell: str, *, field: str) -> bool | None:
    """True for yes, ja, true, 1; False for no, nein, false, 0; None for nothing."""
    word = cell.lower()
    if word in YES:
        return True
    if word in NO:
        return False
    if not word:
        return None
    raise Rejected(field, "not_yes_or_no", say("%(cell)s is neither yes nor no.", cell=_short(cell)))


def number(cell: str, *, field: str) -> Decimal:
    """A decimal number with a point."""
    if not DECIMAL(cell):
        raise Rejected(field, "not_a_number", say("%(cell)s is no number like 1234.50.", cell=_short(cell)))
    return Decimal(cell)


def moment(cell: str, *, field: str) -> datetime | None:
    """A time with its zone, in UTC, not in the future; None for nothing. ISO 8601."""
    if not cell:
        return None
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise Rejected(
            field, "not_a_time", say("%(cell)s is no time like 2026-11-21T09:30:00+00:00.", cell=_short(cell))
        ) from None
    if found.tzinfo is None:
        raise Rejected(
            field, "no_time_zone", say("%(cell)s has no time zone; write it like +01:00.", cell=_short(cell))
        )
    if found - clock.now() > FUTURE:
        raise Rejected(field, "in_future", say("%(cell)s is in the future.", cell=_short(cell)))
    return found.astimezone(UTC)


def day(cell: str, *, field: str) -> date:
    """A date as 2026-11-21."""
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise Rejected(field, "not_a_date", say("%(cell)s is no date like 2026-11-21.", cell=_short(cell))) from None


def ip(cell: str, *, field: str) -> str | None:
    """An IPv4 or IPv6 address, or None for nothing."""
    if not cell:
        return None
    try:
        return str(ip_address(cell))
    except ValueError:
        raise Rejected(field, "not_an_ip", say("%(cell)s is no IP address.", cell=_short(cell))) from None


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= QUOTED else f"{cell[:QUOTED]}…")
