"""What is known about one recipient when the question is whether we may write now, in classes that a rule can read.

There are millions of recipients but only dozens of different situations. So facts are coarse on purpose: the database
sorts every recipient into one `Facts`, numbered by `pack`, and rules are asked once per situation.
"""

from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import Self


class Verdict(StrEnum):
    """What happens to a message: it goes, it waits for a person, or it never goes."""

    SEND = "send"
    HOLD = "hold"
    BLOCK = "block"

    @property
    def strictness(self) -> int:
        """0 lets pass, 2 refuses for good."""
        return (Verdict.SEND, Verdict.HOLD, Verdict.BLOCK).index(self)


class Basis(StrEnum):
    """The ground on which a message may go."""

    CONSENT = "consent"
    EXISTING_CUSTOMER = "existing_customer"
    # The law asks for no consent here, and the person did not object (Art. 6(1)(f), 21(2) GDPR).
    LEGITIMATE_INTEREST = "legitimate_interest"
    # The person did something that calls for an answer, like typing the address into a sign-up form.
    OWN_REQUEST = "own_request"


class Objection(IntEnum):
    """Whether somebody or something spoke against writing, and whether a later confirmed opt-in answered that."""

    NONE = 0
    ANSWERED = 1
    STANDING = 2


class Listing(IntEnum):
    """What being on do-not-contact lists takes away, each with all before it.

    Some lists bind who writes to strangers (`INTEREST`), many towards customers as well (`CUSTOMER`), and where a
    registration ends older consents those, too (`CONSENT`).
    """

    NONE = 0
    INTEREST = 1
    CUSTOMER = 2
    CONSENT = 3


class ConsentState(IntEnum):
    """How good the consent is. Its age runs from the confirmation or from the last message sent on its strength."""

    NONE = 0
    UNCONFIRMED = 1
    LAPSED = 2
    STALE = 3
    FRESH = 4


@dataclass(frozen=True)
class Facts:
    """One situation.

    `customer`: an order inside the period, made where the right to object was pointed out, or an inquiry where the law
    takes it for one. `unproven`: the consent is one to calls, and nothing is kept that proves it. `no_consent_needed`:
    the law of both countries lets people be written to on this channel until they object. `quiet`: the clocks where the
    person lives say that it is not the time.
    """

    opted_out: Objection = Objection.NONE
    complaint: Objection = Objection.NONE
    hard_bounce: Objection = Objection.NONE
    internal_block: Objection = Objection.NONE
    consent: ConsentState = ConsentState.NONE
    customer: bool = False
    erased: bool = False
    listed: Listing = Listing.NONE
    list_outdated: bool = False
    paused: bool = False
    capped: bool = False
    topic_off: bool = False
    deceased: bool = False
    restricted: bool = False
    minor: bool = False
    case_open: bool = False
    role_account: bool = False
    unproven: bool = False
    no_consent_needed: bool = False
    quiet: bool = False

    def pack(self) -> int:
        """The number of this situation, as the database computes it too."""
        number = 0
        for field in fields(self):
            number = number * BASES[field.name] + int(getattr(self, field.name))
        return number

    @classmethod
    def unpack(cls, number: int) -> Self:
        """The situation with this number."""
        values: dict[str, IntEnum | bool] = {}
        for field in reversed(fields(cls)):
            number, digit = divmod(number, BASES[field.name])
            values[field.name] = _KINDS[field.name](digit)
        return cls(**values)  # type: ignore[arg-type]


_KINDS: dict[str, type[IntEnum] | type[bool]] = {
    field.name: field.type for field in fields(Facts) if isinstance(field.type, type)
}
BASES: dict[str, int] = {name: len(kind) if issubclass(kind, IntEnum) else 2 for name, kind in _KINDS.items()}


@dataclass(frozen=True)
class Decision:
    """The answer of the rules. `reasons` starts with `code`, under which the recipient is counted.

    For a cleared recipient the code is the basis. A hold that compliance released for this run is kept in `reasons`
    as `consent_stale:released`, after those that count.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    basis: Basis | None

    @property
    def code(self) -> str:
        """The one reason that stands for all."""
        return self.reasons[0]
