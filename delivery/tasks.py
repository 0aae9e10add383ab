"""The background work of delivery: send what is due, and tidy up after workers that died."""

from functools import cache

from core.db import transaction
from core.settings import settings
from core.tasks import job
from delivery.doctor.looking import look_at_next
from delivery.doctor.store import DOCTOR
from delivery.handover_journal import forget_stale
from delivery.pace.braking import brake, fold
from delivery.pace.ending import end_what_is_too_late
from delivery.pace.looking_up import OPERATORS, look_up_operators
from delivery.pace.returning import rest_after_returns
from delivery.returns.resolving import CHUNK, resolve_read
from delivery.runs import SEND, TIDY
from delivery.tidy import tidy
from delivery.worker import Worker


@cache
def worker() -> Worker:
    """The worker of this process; made at first use, so after any fork."""
    return Worker()


@job(SEND, every=5, queue="send")
def send() -> bool:
    """Send what is due."""
    return worker().run()


@job(TIDY, every=5)
def tidy_up() -> bool:
    """Give back expired leases, settle what lost workers left, cancel what was stopped."""
    with transaction() as session:
        more = tidy(session).more
    if not more:
        forget_stale()
    return more


@job(DOCTOR, every=60)
def look_at_senders() -> bool:
    """Look at the senders for whom somebody asked, and at each of them once a day."""
    return look_at_next()


@job(OPERATORS, every=60)
def look_up() -> bool:
    """Find out who runs the mailboxes of domains, a few hundred a minute at most."""
    look_up_operators()
    return False


@job("delivery.resolve_read", every=60, alone=True)
def resolve_what_was_read() -> bool:
    """End the doubt about messages that somebody opened or clicked in."""
    with transaction() as session:
        return resolve_read(session) >= CHUNK


@job("delivery.brake", every=5, alone=True)
def watch() -> bool:
    """Sum up what batches noted, and stop runs whose numbers are too bad."""
    with transaction() as session:
        brake(session)
    with transaction() as session:
        fold(session)
    return False


@job("delivery.returns", every=20, alone=True)
def mind_returns() -> bool:
    """Let operators rest that refuse mail for what we are after a relay took it."""
    with transaction() as session:
        rest_after_returns(session, first=settings().retry_after)
    return False


@job("delivery.windows", every=30, alone=True)
def end_late() -> bool:
    """End what did not fit into the last window of its campaign."""
    with transaction() as session:
        return end_what_is_too_late(session) > 0
