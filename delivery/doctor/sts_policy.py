"""The policy file of MTA-STS (RFC 8461, 3.2): whether it can be read, and whether it names the servers that we have."""

import re
from dataclasses import dataclass

from core.sentences import Sentence, say
from delivery.doctor.answers import Answers, Unanswered
from delivery.doctor.findings import Finding, cut
from delivery.doctor.hosts import MOST_HOSTS
from delivery.doctor.policy_file import POLICY_FILE

MODES = {"enforce", "testing", "none"}
# A year and a day, in seconds.
LONGEST = 31_557_600
_PATTERN = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


@dataclass(frozen=True)
class StsPolicy:
    """What a policy asks of servers that write to the domain: `mode`, and which names its own servers have."""

    mode: str
    hosts: tuple[str, ...]

    def names(self, host: str) -> bool:
        """Whether a server is one of those that are named; `*.` stands for exactly one label (section 4.1)."""
        above = "*." + host.partition(".")[2]
        return host in self.hosts or above in self.hosts


class BadStsPolicy(Exception):
    """The file is no policy; the sentence says why."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(str(why))
        self.why = why


def read_sts_policy(text: str) -> StsPolicy:
    """Read a policy file. Raises BadStsPolicy. What is not known in it is passed over, as the RFC demands."""
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    found: dict[str, str] = {}
    for name, _, value in lines:
        found.setdefault(name.strip(), value.strip())
    hosts = tuple(value.strip().lower() for name, _, value in lines if name.strip() == "mx")
    age = found.get("max_age", "")
    if found.get("version") != "STSv1":
        raise BadStsPolicy(say("it does not say “version: STSv1”"))
    if found.get("mode") not in MODES:
        raise BadStsPolicy(say("its mode is none of enforce, testing, none"))
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > LONGEST:
        raise BadStsPolicy(say("max_age is no number of seconds up to %(longest)s", longest=LONGEST))
    if found["mode"] != "none" and not (hosts and all(_PATTERN.fullmatch(host) for host in hosts)):
        raise BadStsPolicy(say("it names no servers, or some that can be no names"))
    return StsPolicy(found["mode"], hosts)


def sts_policy_findings(answers: Answers, *, domain: str) -> list[Finding]:
    """Judge the policy of a domain that says that it has one."""
    place = f"mta-sts.{domain}"
    answers.ahead((domain, "MX"), (place, POLICY_FILE))
    servers = [record.rpartition(" ")[2].rstrip(".").lower() for record in answers.records(domain, "MX")][:MOST_HOSTS]
    try:
        file = answers.records(place, POLICY_FILE)
    except Unanswered as error:
        said = say("The policy at %(place)s could not be fetched from here: %(why)s.", place=place, why=error.why)
        remedy = say("Where others cannot fetch it either, they do not insist on TLS.")
        return [Finding("mta_sts_unread", domain, said, remedy)]
    if not file:
        said = say("There is no policy at https://%(place)s/.well-known/mta-sts.txt.", place=place)
        return [Finding("mta_sts_policy_broken", domain, said, say("Publish it there, or take the record away."))]
    return _judged(file[0], domain=domain, servers=[host for host in servers if host])


def _judged(text: str, *, domain: str, servers: list[str]) -> list[Finding]:
    try:
        policy = read_sts_policy(text)
    except BadStsPolicy as error:
        said = say("No server can use the MTA-STS policy of %(domain)s: %(why)s.", domain=domain, why=error.why)
        return [Finding("mta_sts_policy_broken", domain, said, say("Publish it as RFC 8461 shows it."), cut(text))]
    strange = [host for host in servers if not policy.names(host)] if policy.mode != "none" else []
    if strange:
        hosts = cut(", ".join(strange))
        said = say("The MTA-STS policy of %(domain)s does not name %(hosts)s.", domain=domain, hosts=hosts)
        remedy = say("With mode enforce these servers get no mail. Name them in the policy and give it a new id.")
        return [Finding("mta_sts_mismatch", domain, said, remedy, cut(text))]
    if policy.mode != "enforce":
        said = say("The MTA-STS policy of %(domain)s is in mode %(mode)s.", domain=domain, mode=policy.mode)
        return [Finding("mta_sts_lax", domain, said, say("Go over to enforce once the reports are clean."))]
    return []
