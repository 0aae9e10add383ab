"""Looking at senders: read what is known, look names up with no transaction open, write down what was found."""

from collections.abc import Callable

from core.db import transaction
from core.errors import CrusoeError, NotAllowed, NotReachable
from core.sentences import joined, say
from core.settings import settings
from delivery.doctor.dkim_check import published_findings
from delivery.doctor.findings import Finding, Severity
from delivery.doctor.resolver import Resolver
from delivery.doctor.run import Ask, Examination, examine, judged
from delivery.doctor.store import ask_daily, take_up, write_down
from delivery.doctor.whom import subject_of
from delivery.models import Sender
from delivery.signing import PublicKey


def look_at_next() -> bool:
    """Have the next look that waits; answers whether there was one."""
    with transaction() as session:
        ask_daily(session, asks_reserved=settings().resolver is not None)
        taken = take_up(session)
        if taken is None:
            return False
        look_id, sender_id = taken
        try:
            subject, ask = subject_of(session, session.get_one(Sender, sender_id)), Resolver()
        except CrusoeError as error:
            write_down(session, look_id=look_id, found=_impossible(sender_id, error))
            return True
    found = examine(subject, ask=ask)
    with transaction() as session:
        write_down(session, look_id=look_id, found=found)
    return True


def _impossible(sender_id: int, error: CrusoeError) -> Examination:
    """A setting stands in the way; the page says which, instead of waiting for ever."""
    finding = Finding("not_answered", str(sender_id), error.message, error.remedy)
    return Examination((finding,), asked=1, unanswered=1)


def require_published(key: PublicKey, *, ask: Ask | None = None, resolver: Callable[[], Ask] = Resolver) -> None:
    """Look for the record of a key. Raises NotAllowed when it is not as it should be, NotReachable without DNS."""
    found = judged([lambda answers: published_findings(answers, key=key)], ask=ask or resolver())
    if not found.is_answered:
        raise NotReachable(
            "dns_unreachable",
            joined([finding.message for finding in found.findings], by=" "),
            say("Try again, or activate it without looking and say why (--unchecked)."),
        )
    wrong = [finding for finding in found.findings if finding.severity is Severity.FAIL]
    if wrong or any(finding.code == "not_answered" for finding in found.findings):
        raise NotAllowed(
            "key_not_published",
            joined([finding.message for finding in wrong or found.findings], by=" "),
            say(
                "Publish this TXT record at %(name)s and wait until receivers can see it: %(record)s",
                name=key.name,
                record=key.record,
            ),
        )
