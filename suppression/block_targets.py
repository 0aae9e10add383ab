"""What a block is about, as people write it: an address, a domain, a domain with all below it, a company, a hash."""

import re
from dataclasses import dataclass

from contacts import EmailAddress, email_address
from core.errors import WrongInput
from core.sentences import say

COMPANY, HASH = "company:", "hash:"
LONGEST = 320
_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True)
class Target:
    """One of the four; `text` is its one spelling, `below` the spellings of a domain whose sub-domains are meant.

    `digest`: the keyed hash of an address that nobody has in clear any more, as exports of this installation write it.
    """

    text: str
    email: EmailAddress | None = None
    domain: str | None = None
    below: tuple[str, ...] | None = None
    company: str | None = None
    digest: bytes | None = None


def target(written: str) -> Target:
    """`anna@firma.example`, `@firma.example`, `*.firma.example`, `company:Firma GmbH` or `hash:…`; else `WrongInput`.

    `*.firma.example` means the domain itself and everything below it.
    """
    # Exports begin such cells with an apostrophe, so that no spreadsheet takes them for a formula.
    text = written.strip().removeprefix("'").strip()
    if not text or len(text) > LONGEST:
        raise WrongInput("target_missing", say("Say what is to be blocked."), _HOW, where="what")
    if text.lower().startswith(COMPANY):
        return _company(text[len(COMPANY) :].strip())
    if text.lower().startswith(HASH):
        return _digest(text[len(HASH) :].strip().lower())
    try:
        return _address_or_domain(text)
    except WrongInput as error:
        raise WrongInput(error.code, error.message, _HOW, where="what") from error


_HOW = say("Write anna@firma.example, @firma.example, *.firma.example or company:Firma GmbH.")


def _company(name: str) -> Target:
    if not name:
        raise WrongInput("company_missing", say("There is no name of a company."), _HOW, where="what")
    return Target(text=COMPANY + name, company=name)


def _digest(digits: str) -> Target:
    if not _DIGEST(digits):
        raise WrongInput("hash_invalid", say("A hash has 64 hexadecimal digits."), where="what")
    return Target(text=HASH + digits, digest=bytes.fromhex(digits))


def _address_or_domain(text: str) -> Target:
    wide = text.startswith("*.")
    if not wide and not text.startswith("@"):
        email = email_address(text)
        return Target(text=email.key, email=email)
    found = email_address(f"somebody@{text.removeprefix('*.').removeprefix('@')}")
    if not wide:
        return Target(text=f"@{found.domain}", domain=found.domain)
    shown = found.value.rpartition("@")[2].lower()
    return Target(text=f"*.{found.domain}", domain=found.domain, below=tuple(dict.fromkeys((found.domain, shown))))
