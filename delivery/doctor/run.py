"""One look at a sender: every judgement, over answers that are looked up in rounds, all of a round at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from core.sentences import say
from delivery.doctor.answers import Answer, Answers, Question, State, Unanswered, Wanted
from delivery.doctor.dane import dane_findings
from delivery.doctor.dkim_check import dkim_findings, signing_findings
from delivery.doctor.dmarc_check import alignment_findings, dmarc_findings
from delivery.doctor.findings import Finding
from delivery.doctor.hosts import mx_findings, ptr_findings
from delivery.doctor.policies import bimi_findings, mta_sts_findings, tls_rpt_findings
from delivery.doctor.spf_check import spf_findings
from delivery.doctor.subject import Subject

Ask = Callable[[set[Question]], dict[Question, Answer]]
Check = Callable[[Answers], list[Finding]]

# More than any honest domain needs; a hostile one could lead us on for ever.
MOST_QUESTIONS = 500
MOST_ROUNDS = 80


@dataclass(frozen=True)
class Examination:
    """What was found, in the order of the checks, and how many names were looked up."""

    findings: tuple[Finding, ...]
    asked: int
    unanswered: int
    why: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether the DNS answered anything at all."""
        return self.unanswered < self.asked or not self.asked


def checks_of(subject: Subject) -> list[Check]:
    """Everything that is judged about a sender. One that cannot be judged does not keep the others."""
    inbound = list(dict.fromkeys(filter(None, (subject.domain, subject.return_domain, subject.reply_domain))))
    found: list[Check] = [partial(spf_findings, domain=subject.return_domain, ips=subject.ips)]
    found += [partial(dkim_findings, key=key) for key in subject.keys]
    found += [partial(signing_findings, subject=subject), partial(dmarc_findings, subject=subject)]
    found += [partial(alignment_findings, subject=subject)]
    found += [partial(ptr_findings, ip=ip) for ip in subject.ips] or [partial(_ips_unknown, subject=subject)]
    found += [partial(mx_findings, domain=domain) for domain in inbound]
    found += [
        partial(check, domain=subject.return_domain) for check in (mta_sts_findings, dane_findings, tls_rpt_findings)
    ]
    return [*found, partial(bimi_findings, domain=subject.domain)]


def _ips_unknown(_answers: Answers, *, subject: Subject) -> list[Finding]:
    said = say("From which addresses the mail of %(domain)s leaves is not known here.", domain=subject.domain)
    remedy = say("Set CRUSOE_SENDING_IPS, or ask once with --ip: then SPF and their names are checked with them.")
    return [Finding("ips_unknown", subject.domain, said, remedy)]


def examine(subject: Subject, *, ask: Ask) -> Examination:
    """Judge everything about a sender. `ask` looks names up; it answers each of them, in bounded time."""
    found = judged(checks_of(subject), ask=ask)
    if found.is_answered:
        return found
    return Examination((_silence(subject, found),), asked=found.asked, unanswered=found.unanswered)


def judged(checks: Sequence[Check], *, ask: Ask) -> Examination:
    """Run some judgements, looking up what they ask for until none of them wants anything more."""
    known: dict[Question, Answer] = {}
    done: dict[int, list[Finding]] = {}
    for _ in range(MOST_ROUNDS):
        answers = Answers(known)
        for number in range(len(checks)):
            if number not in done and (found := _judge(checks[number], answers)) is not None:
                done[number] = found
        if not answers.wanted:
            break
        room = MOST_QUESTIONS - len(known)
        known |= ask(set(sorted(answers.wanted)[:room])) if room > 0 else dict.fromkeys(answers.wanted, _TOO_MANY)
    missing = sum(answer.state is State.NOT_ANSWERED for answer in known.values())
    findings = [finding for number in sorted(done) for finding in done[number]]
    why = next((answer.why for answer in known.values() if answer.why), "")
    return Examination(tuple(dict.fromkeys(findings)), asked=len(known), unanswered=missing, why=why)


_TOO_MANY = Answer(State.NOT_ANSWERED, why=say("more names than one look may ask for"))


def _judge(check: Check, answers: Answers) -> list[Finding] | None:
    try:
        return check(answers)
    except Wanted:
        return None
    except Unanswered as error:
        name, kind = error.question
        said = say("The DNS did not answer about %(name)s (%(kind)s): %(why)s.", name=name, kind=kind, why=error.why)
        return [Finding("not_answered", name, said, say("Look again later."))]


def _silence(subject: Subject, found: Examination) -> Finding:
    """One sentence instead of twenty: this machine is offline, or its resolver is away."""
    said = say("The DNS did not answer at all about %(domain)s: %(why)s.", domain=subject.domain, why=found.why)
    return Finding("not_answered", subject.domain, said, say("Look again later, or set CRUSOE_RESOLVER."))
