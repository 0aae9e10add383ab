"""Asking the DNS who runs the mailboxes of recipients' domains, with no transaction open and far from any sending.

Only domains are asked about, never addresses. What is not answered changes nothing: such a domain counts as one of the
small ones, as before.
"""

import structlog

from core.db import transaction
from core.errors import WrongInput
from core.settings import settings
from delivery.doctor.answers import Answer, State
from delivery.doctor.resolver import RESERVED, Resolver
from delivery.pace.domains import (
    Known,
    Learned,
    gather_domains,
    learn_domains,
    put_off_domains,
    take_up_domains,
)
from delivery.pace.mx_hosts import first_host, operator_of_host

log = structlog.get_logger()

OPERATORS = "delivery.operators"

# Questions of one run; a run a minute, so that no resolver minds.
MOST = 300
# Few at a time, so that moving their messages holds nothing up.
TOGETHER = 25


def look_up_operators() -> int:
    """Ask about the domains that are due, at most `MOST`. Answers how many messages moved to another operator."""
    if not settings().operator_lookups:
        return 0
    try:
        ask = Resolver()
    except WrongInput as error:
        log.warning("no_resolver", error=str(error))
        return 0
    with transaction() as session:
        gather_domains(session)
    with transaction() as session:
        known = take_up_domains(session, most=MOST, unasked=frozenset() if ask.address else RESERVED)
    if not known:
        return 0
    answers = ask({(one.label, "MX") for one in known})
    return _keep([_learned(one, answers[(one.label, "MX")]) for one in known])


def _learned(known: Known, answer: Answer) -> Learned:
    if answer.state is State.NOT_ANSWERED:
        return Learned(known, is_answered=False)
    host = first_host(answer.records)
    return Learned(known, is_answered=True, host=host, operator=operator_of_host(host) if host else None)


def _keep(found: list[Learned]) -> int:
    moved = 0
    answered = [one for one in found if one.is_answered]
    for begin in range(0, len(answered), TOGETHER):
        with transaction() as session:
            moved += learn_domains(session, answered[begin : begin + TOGETHER])
    unanswered = [one.known for one in found if not one.is_answered]
    if unanswered:
        with transaction() as session:
            put_off_domains(session, unanswered, all_silent=not answered)
    return moved
