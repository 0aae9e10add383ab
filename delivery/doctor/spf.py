"""Evaluating SPF as a receiver does (RFC 7208, section 4), with all of its limits."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum

from core.sentences import say
from delivery.doctor.answers import Answers
from delivery.doctor.spf_record import (
    ASKS,
    IP,
    Envelope,
    PermError,
    Policy,
    Term,
    expand,
    is_about_everybody,
    is_spf,
    read,
)

MOST_LOOKUPS = 10
MOST_VOID = 2
MOST_HOSTS = 10


class Verdict(StrEnum):
    """What a receiver comes to."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"


_BY_SIGN = {"+": Verdict.PASS, "-": Verdict.FAIL, "~": Verdict.SOFTFAIL, "?": Verdict.NEUTRAL}


@dataclass
class Budget:
    """What a receiver spends on one mail; more than its limits ends in `permerror`."""

    lookups: int = 0
    void: int = 0

    def ask(self) -> None:
        """Count a term that makes a receiver ask the DNS."""
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise PermError(
                say("It makes receivers look up more than %(most)s names.", most=MOST_LOOKUPS), code="spf_too_many"
            )

    def found(self, records: tuple[str, ...]) -> tuple[str, ...]:
        """Count an answer that holds nothing."""
        self.void += not records
        if self.void > MOST_VOID:
            raise PermError(say("More than %(most)s of its names do not exist.", most=MOST_VOID), code="spf_void")
        return records


def policy_of(answers: Answers, domain: str) -> Policy | None:
    """The SPF record of a domain, or None. Raises PermError when there are two or it cannot be read."""
    found = [text for text in answers.records(domain, "TXT") if is_spf(text)]
    if len(found) > 1:
        raise PermError(say("%(domain)s has more than one SPF record.", domain=domain), code="spf_twice")
    return read(found[0]) if found else None


def check_host(answers: Answers, *, domain: str, envelope: Envelope, budget: Budget) -> Verdict:
    """What a receiver says about this address sending for this domain. Raises PermError as it would."""
    policy = policy_of(answers, domain)
    if policy is None:
        return Verdict.NONE
    for term in policy.terms:
        if _matches(answers, term, domain, envelope, budget):
            return _BY_SIGN[term.qualifier]
    if policy.redirect is None or any(term.name == "all" for term in policy.terms):
        return Verdict.NEUTRAL
    budget.ask()
    target = expand(policy.redirect, domain=domain, envelope=envelope)
    return _found(check_host(answers, domain=target, envelope=envelope, budget=budget), target)


def _found(verdict: Verdict, target: str) -> Verdict:
    if verdict is Verdict.NONE:
        raise PermError(say("It points to %(domain)s, which has no SPF record.", domain=target[:100]))
    return verdict


def _matches(answers: Answers, term: Term, domain: str, envelope: Envelope, budget: Budget) -> bool:
    if term.name == "all":
        return True
    if term.network is not None:
        return envelope.ip in term.network
    budget.ask()
    target = expand(term.value, domain=domain, envelope=envelope) if term.value else domain
    if term.name == "include":
        verdict = check_host(answers, domain=target, envelope=envelope, budget=budget)
        return _found(verdict, target) is Verdict.PASS
    return _at(answers, term, target, envelope.ip, budget)


def _at(answers: Answers, term: Term, target: str, ip: IP, budget: Budget) -> bool:
    """Whether a term about hosts matches: `exists`, `a`, `mx`, `ptr`."""
    if term.name == "exists":
        return bool(budget.found(answers.records(target, "A")))
    if term.name == "a":
        return _inside(term, ip, budget.found(_own_kind(answers, target, ip)))
    if term.name == "ptr":
        return _by_name(answers, target, ip, budget)
    hosts = _mail_hosts(budget.found(answers.records(target, "MX")), target)
    answers.ahead(*((host, _kind(ip)) for host in hosts))
    return any(_inside(term, ip, _own_kind(answers, host, ip)) for host in hosts)


def _mail_hosts(records: tuple[str, ...], target: str) -> list[str]:
    hosts = [record.rpartition(" ")[2] for record in records]
    if len(hosts) > MOST_HOSTS:
        raise PermError(say("%(domain)s has more than %(most)s mail servers.", domain=target[:100], most=MOST_HOSTS))
    return hosts


def _kind(ip: IP) -> str:
    return "A" if ip.version == 4 else "AAAA"  # noqa: PLR2004 - of the protocol


def _own_kind(answers: Answers, host: str, ip: IP) -> tuple[str, ...]:
    return answers.records(host, _kind(ip))


def _inside(term: Term, ip: IP, addresses: tuple[str, ...]) -> bool:
    bits = term.cidr4 if ip.version == 4 else term.cidr6  # noqa: PLR2004 - of the protocol
    return any(ip in ipaddress.ip_network(f"{address}/{bits}", strict=False) for address in addresses)


def _by_name(answers: Answers, target: str, ip: IP, budget: Budget) -> bool:
    """Whether a confirmed name of the address lies under the target (section 5.5)."""
    names = budget.found(answers.records(ip.reverse_pointer, "PTR"))[:MOST_HOSTS]
    answers.ahead(*((name, _kind(ip)) for name in names))
    confirmed = [name for name in names if str(ip) in _own_kind(answers, name, ip)]
    return any(f".{name.rstrip('.').lower()}".endswith(f".{target.lower()}") for name in confirmed)


@dataclass
class Shape:
    """What a record and all that it includes ask of a receiver, whoever sends."""

    lookups: int = 0
    void: int = 0
    uses_ptr: bool = False
    allows_all: bool = False
    missing: list[str] = field(default_factory=list)


# Counting goes on a little beyond the limit, so that people see how far they are above it.
COUNTED = 30


def shape(answers: Answers, *, domain: str, path: tuple[str, ...] = (), total: Shape | None = None) -> Shape:
    """Count what the record of `domain` asks for. Raises PermError at a loop or a record that cannot be read."""
    total = total if total is not None else Shape()
    if domain.lower() in path:
        raise PermError(say("It includes itself, over %(path)s.", path=" > ".join(path)[:200]), code="spf_loop")
    policy = policy_of(answers, domain)
    if policy is None:
        if path:
            total.missing.append(domain)
        return total
    further = [Term("+", "redirect", policy.redirect)] if policy.redirect else []
    for term in (*policy.terms, *further):
        total.allows_all = total.allows_all or (term.name == "all" and term.qualifier == "+")
        if term.name in ASKS and total.lookups < COUNTED:
            _count(answers, term, domain, path, total)
    return total


def _count(answers: Answers, term: Term, domain: str, path: tuple[str, ...], total: Shape) -> None:
    total.lookups += 1
    total.uses_ptr = total.uses_ptr or term.name == "ptr"
    if not is_about_everybody(term.value) or term.name == "ptr":
        return
    target = expand(term.value, domain=domain, envelope=_ANYBODY) if term.value else domain
    if term.name in {"include", "redirect"}:
        shape(answers, domain=target, path=(*path, domain.lower()), total=total)
    elif term.name == "mx":
        total.void += not _mail_hosts(answers.records(target, "MX"), target)
    else:
        total.void += not (answers.records(target, "A") or (term.name == "a" and answers.records(target, "AAAA")))


# An address of documentation (RFC 5737): it stands where the record does not look at who sends.
_ANYBODY = Envelope(ip=ipaddress.IPv4Address("192.0.2.1"), sender="postmaster@anybody.invalid", helo="anybody.invalid")
