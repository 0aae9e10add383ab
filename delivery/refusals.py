"""What a refusal while a mail is handed over says about its address: by the same table as for mail that comes back."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from core import clock
from delivery.recipients import About, Recipient
from delivery.returns.codes import status_in
from delivery.returns.effects import COUNTED, EVENTS, given_up
from delivery.returns.kinds import ReturnClass
from delivery.returns.rules import Rule, judge
from delivery.smtp import Deferred, Outcome, Phase, Refused
from suppression import Cause, NewEntry, add_many
from tracking import Happening, record

# Where a server speaks about the recipient or the mail; before, it speaks about us.
_ABOUT_THE_RECIPIENT = frozenset({Phase.RCPT, Phase.DATA, Phase.DOT})
_ABOUT_US = frozenset({Phase.MAIL})


def rule_of(outcome: Outcome) -> Rule | None:
    """The row of the table that fits what a server said to a mail; None when it said nothing or took it. Pure."""
    if not isinstance(outcome, Refused | Deferred) or outcome.code is None:
        return None
    return judge(status=status_in(outcome.text), reply=outcome.code, words=outcome.text)


def meaning(outcome: Outcome) -> ReturnClass | None:
    """What a mail that was not taken says: of the address, of our reputation, or nothing. Pure.

    Only a refusal for good makes an address dead; that a server wants it tried again does not.
    """
    rule = rule_of(outcome)
    if outcome.phase in _ABOUT_US and rule is not None:
        return ReturnClass.POLICY
    if rule is None or outcome.phase not in _ABOUT_THE_RECIPIENT:
        return None
    if rule.kind is ReturnClass.HARD and not isinstance(outcome, Refused):
        return ReturnClass.SOFT
    return rule.kind


def note_refusals(
    session: Session, *, matter: About, recipients: Mapping[int, Recipient], ended: Mapping[int, Outcome]
) -> None:
    """Tell the ledger, and the suppression list, what mails that ended without being taken mean.

    A dead address is blocked at once; a mailbox that is full, or a failure that nobody can name, when it adds up; a
    refusal for what we are never.
    """
    now = clock.now()
    found = {each: kind for each, outcome in ended.items() if (kind := meaning(outcome)) in EVENTS}
    for kind in sorted(set(found.values())):
        people = [recipients[each] for each, one in found.items() if one is kind]
        record(session, EVENTS[kind], [_happening(person, matter, now) for person in people])
    counted = {each for each, kind in found.items() if kind in COUNTED and kind is not ReturnClass.HARD}
    spent = given_up(session, {recipients[each].address_id for each in counted}, now=now) if counted else {}
    entries = [
        _entry(recipients[each], matter, ended[each], kind, now, failures=spent.get(recipients[each].address_id, 0))
        for each, kind in found.items()
        if kind is ReturnClass.HARD or (each in counted and recipients[each].address_id in spent)
    ]
    if entries:
        add_many(session, entries)


def _happening(recipient: Recipient, matter: About, at: datetime) -> Happening:
    return Happening(at=at, address_id=recipient.address_id, message_id=recipient.message_id, run_id=matter.run_id)


def _entry(
    recipient: Recipient, matter: About, outcome: Outcome, kind: ReturnClass, at: datetime, *, failures: int
) -> NewEntry:
    rule = rule_of(outcome)
    evidence = {
        "message_id": recipient.message_id,
        "run_id": matter.run_id,
        "phase": outcome.phase.value,
        "code": outcome.code,
        "text": outcome.text,
        "class": kind.value,
        "rule": rule.name if rule else None,
    }
    return NewEntry(
        address_id=recipient.address_id,
        cause=Cause.HARD_BOUNCE,
        at=at,
        source="smtp",
        channel="email",
        evidence=evidence | ({"failures": failures} if failures else {}),
    )
