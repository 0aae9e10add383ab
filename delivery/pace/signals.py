"""What the answer to one mail says about how fast its operator wants mail from us. Pure."""

from enum import StrEnum

from delivery.refusals import meaning, rule_of
from delivery.returns.codes import status_in
from delivery.returns.kinds import ReturnClass
from delivery.returns.rules import Rule
from delivery.smtp import Accepted, Deferred, NotAttempted, Outcome, Refused, Unknown

# RFC 5321 section 3.8: the service closes the connection; big operators say it to whom they want less mail from.
CLOSING = 421

_MANY, _BROKEN = 429, 500

# Answers about one mailbox or one first meeting, however many there are. Greylisting is told with 4.7.0 or 4.7.1, too
# (RFC 6647 section 3), often without its name; who speaks of rates or reputation is caught by other rows.
_PERSONAL = frozenset({"greylisted", "google_rate"})
_OFTEN_GREYLISTING = frozenset({"4.7.0", "4.7.1"})


class Signal(StrEnum):
    """What one answer counts as."""

    ACCEPTED = "accepted"
    # Tried again later; `slowed`: because the operator wants less from us.
    PUT_OFF = "put_off"
    SLOWED = "slowed"
    HARD = "hard"
    # Refused for good for what we are.
    POLICY = "policy"
    UNKNOWN = "unknown"
    # About one person or one mail.
    PERSONAL = "personal"


def signal(outcome: Outcome, *, attempts: int) -> Signal | None:
    """What one answer counts as, after so many earlier attempts; None when nothing was asked."""
    match outcome:
        case Accepted():
            return Signal.ACCEPTED
        case Unknown():
            return Signal.UNKNOWN
        case Deferred():
            return _put_off(outcome, attempts)
        case Refused():
            kinds = {ReturnClass.HARD: Signal.HARD, ReturnClass.POLICY: Signal.POLICY}
            return kinds.get(meaning(outcome) or ReturnClass.UNKNOWN, Signal.PERSONAL)
        case NotAttempted() | _:
            return None


def _put_off(outcome: Deferred, attempts: int) -> Signal:
    if outcome.code == CLOSING:
        return Signal.SLOWED
    if outcome.code == _MANY or (outcome.code or 0) >= _BROKEN:
        # A provider that is asked over HTTP means our account there; it is its way that rests.
        return Signal.PERSONAL
    rule = rule_of(outcome)
    kind = rule.kind if rule else ReturnClass.SOFT
    if rule is not None and (rule.name in _PERSONAL or _may_be_greylisting(rule, outcome)):
        return Signal.PERSONAL
    if kind is ReturnClass.POLICY:
        return Signal.SLOWED
    # A first time that names no reason may be a greeting, too.
    return Signal.PUT_OFF if attempts and kind is ReturnClass.SOFT else Signal.PERSONAL


def _may_be_greylisting(rule: Rule, outcome: Outcome) -> bool:
    return rule.name == "policy_for_now" and status_in(outcome.text) in _OFTEN_GREYLISTING
