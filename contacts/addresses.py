"""What an e-mail address is: one spelling to keep, one to compare, and a reason when it is none.

Most addresses of a list share their domains, so a domain is judged once and remembered. Only the plain local parts of
RFC 5322 (dot-atoms) take that shortcut; everything else is judged by email-validator every time, so that both ways give
the same answers.
"""

import re
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from core.errors import WrongInput
from core.sentences import say

PLAIN_LOCAL_PART = re.compile(r"[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+)*").fullmatch
LONGEST_LOCAL_PART = 64  # RFC 5321 4.5.3.1.1
SURELY_SHORT_ENOUGH = 180  # The limit is 254 (RFC 5321), but an A-label is longer than the domain as it is typed.
MOST_DOMAINS = 100_000  # About 20 MB. A list with more is unusual, and forgetting them costs time only.

# RFC 2142 names are the same in any case; email-validator writes them small.
_ROLES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)

_STAND_INS = frozenset({"n/a", "na", "none", "null", "nil", "unknown", "unbekannt", "keine", "-", "--", "?", "x"})


class EmailAddress(NamedTuple):
    """A valid address. `value` is what mail is sent to; `key` is what is hashed and compared.

    `key` is the local part in small letters @ the domain as A-label in small letters; `domain` is that A-label.
    """

    value: str
    key: str
    domain: str


# Domain as typed -> domain to show, A-label.
_domains: dict[str, tuple[str, str]] = {}


def email_address(typed: str) -> EmailAddress:
    """The address that `typed` means. Blanks around it are ignored; what has no meaning is `WrongInput`."""
    text = typed.strip()
    local, _, domain = text.rpartition("@")
    known = _domains.get(domain)
    if known is not None and len(text) <= SURELY_SHORT_ENOUGH and _is_plain(local):
        shown, label = known
        return EmailAddress(f"{_unshouted(local)}@{shown}", f"{local.lower()}@{label}", label)
    return _unusual(text)


def _is_plain(local: str) -> bool:
    return PLAIN_LOCAL_PART(local) is not None and len(local) <= LONGEST_LOCAL_PART and local.lower() not in _ROLES


def _unshouted(local: str) -> str:
    """The case of a local part is its host's business (RFC 5321 2.4); but all capitals are a habit of exports."""
    return local.lower() if local.isupper() else local


def _unusual(text: str) -> EmailAddress:
    try:
        # `.test` and `.example` are fine: nothing is looked up, and samples and tests need addresses that reach nobody.
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        code, message = why_not(text)
        message = message or say("This is no valid address: %(problem)s", problem=error)
        raise WrongInput(code, message, say("Correct it at its source.")) from error
    label = found.ascii_domain.lower()
    local, _, domain = text.rpartition("@")
    if _is_plain(local):
        if len(_domains) >= MOST_DOMAINS:
            _domains.clear()
        _domains[domain] = (found.domain, label)
    return EmailAddress(f"{_unshouted(found.local_part)}@{found.domain}", f"{found.local_part.lower()}@{label}", label)


def why_not(text: str) -> tuple[str, str]:
    """A stable code and a sentence for an address that was refused; none where only email-validator knows why."""
    local, _, domain = text.rpartition("@")
    # First match wins: from what says most about the mistake to what says least.
    mistakes = (
        (not text, "address_missing", say("There is no address.")),
        (
            text.lower() in _STAND_INS,
            "address_stand_in",
            say("%(text)s stands for a missing address.", text=repr(text)),
        ),
        (any(letter.isspace() for letter in text), "address_blank_inside", say("There is a blank inside the address.")),
        ("@" not in text, "address_without_at", say("The address has no @.")),
        ("@" in local, "address_two_ats", say("The address has more than one @.")),
        (not local, "address_without_name", say("There is nothing before the @.")),
        (".." in text, "address_two_dots", say("There are two dots in a row.")),
        ("." not in domain.rstrip("."), "address_without_top_level", say("The domain has no ending such as .com.")),
        (domain.endswith("."), "address_ends_with_dot", say("The address ends with a dot.")),
        (len(local) > LONGEST_LOCAL_PART, "address_too_long", say("There are more than 64 characters before the @.")),
    )
    for is_so, code, message in mistakes:
        if is_so:
            return code, message
    return "address_invalid", ""
