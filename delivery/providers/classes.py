"""What an event of a provider means for the person: only what is about the person may suppress anybody. Pure."""

from delivery.providers.protocol import EventClass, Told
from delivery.returns import Action, ReturnClass, Returned
from delivery.returns.codes import one_line, reply_in, status_in
from delivery.returns.rules import judge

_ABOUT_US = frozenset({ReturnClass.POLICY, ReturnClass.MAILBOX_FULL, ReturnClass.SOFT, ReturnClass.AUTO_REPLY})
_SOFT = frozenset({ReturnClass.POLICY, ReturnClass.MAILBOX_FULL})


def permanent(*, status: str | None, reason: str) -> EventClass:
    """A permanent failure, judged again by what the receiving server said: policy or a full mailbox is no hard bounce.

    Where it said nothing that is known, the provider's word counts.
    """
    return EventClass.SOFT_BOUNCE if _said(status, reason) in _ABOUT_US else EventClass.HARD_BOUNCE


def failure(told: Told) -> Returned:
    """A bounce or complaint in the words of mail that came back."""
    status = told.status or status_in(told.reason)
    kind = ReturnClass.COMPLAINT if told.kind is EventClass.COMPLAINT else ReturnClass.HARD
    if told.kind is EventClass.SOFT_BOUNCE:
        said = _said(status, told.reason)
        kind = said if said in _SOFT else ReturnClass.SOFT
    action = Action.FAILED if told.final else Action.DELAYED
    return Returned(
        kind=kind,
        status=status,
        reply_code=reply_in(told.reason),
        recipient=told.recipient or None,
        reason=one_line(told.reason) or None,
        action=None if kind is ReturnClass.COMPLAINT else action,
        names=(f"<{told.name.strip('<>')}>",),
    )


def _said(status: str | None, reason: str) -> ReturnClass | None:
    rule = judge(status=status or status_in(reason), reply=reply_in(reason), words=reason)
    return rule.kind if rule else None
