"""Whether a failure that a provider calls permanent is about the person: only then it may suppress anybody. Pure."""

from delivery.providers.protocol import EventClass
from delivery.returns import ReturnClass
from delivery.returns.codes import reply_in, status_in
from delivery.returns.rules import judge

_ABOUT_US = frozenset({ReturnClass.POLICY, ReturnClass.MAILBOX_FULL, ReturnClass.SOFT, ReturnClass.AUTO_REPLY})


def permanent(*, status: str | None, reason: str) -> EventClass:
    """A permanent failure, judged again by what the receiving server said: policy or a full mailbox is no hard bounce.

    Where it said nothing that is known, the provider's word counts.
    """
    status = status or status_in(reason)
    rule = judge(status=status, reply=reply_in(reason), words=reason)
    about_us = rule is not None and rule.kind in _ABOUT_US
    return EventClass.SOFT_BOUNCE if about_us else EventClass.HARD_BOUNCE
