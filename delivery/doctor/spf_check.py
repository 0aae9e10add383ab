"""The SPF record of the return domain: whether it is there, holds within the limits, and names our addresses."""

from collections.abc import Sequence

from core.sentences import say
from delivery.doctor.answers import Answers
from delivery.doctor.findings import Finding, Record, cut
from delivery.doctor.spf import MOST_LOOKUPS, MOST_VOID, Budget, Shape, Verdict, check_host, policy_of, shape
from delivery.doctor.spf_record import IP, Envelope, PermError, is_spf

MANY_LOOKUPS = 8


def spf_findings(answers: Answers, *, domain: str, ips: Sequence[IP]) -> list[Finding]:
    """What receivers will think of mail whose bounces go to this domain."""
    text = next((one for one in answers.records(domain, "TXT") if is_spf(one)), "")
    if not text:
        return [_missing(domain, ips)]
    try:
        policy, found = policy_of(answers, domain), shape(answers, domain=domain)
    except PermError as error:
        return [_broken(domain, text, error)]
    remarks = _remarks(domain, text, found, ends=policy is not None and policy.ends)
    if not any(one.code in {"spf_too_many", "spf_broken", "spf_void"} for one in remarks):
        remarks += _refused(answers, domain, text, ips)
    if remarks:
        return remarks
    said = say("The SPF record of %(domain)s holds, with %(count)s look-ups.", domain=domain, count=found.lookups)
    return [Finding("spf_good", domain, said, found=cut(text))]


def _missing(domain: str, ips: Sequence[IP]) -> Finding:
    named = " ".join(f"ip{ip.version}:{ip}" for ip in ips) or "mx"
    return Finding(
        "spf_missing",
        domain,
        say("%(domain)s has no SPF record.", domain=domain),
        say("Publish one that names the servers from which your mail leaves, or includes the record of your relay."),
        record=Record(domain, "TXT", f"v=spf1 {named} -all"),
    )


def _broken(domain: str, text: str, error: PermError) -> Finding:
    remedies = {
        "spf_twice": say("Put both into one record and remove the other: with two, receivers count none."),
        "spf_loop": say("Remove the include that leads back."),
    }
    remedy = remedies.get(error.code, say("Mend it: until then receivers treat the whole record as an error."))
    return Finding(error.code, domain, error.why, remedy, found=cut(text))


def _remarks(domain: str, text: str, found: Shape, *, ends: bool) -> list[Finding]:
    """What is wrong with the record whoever sends."""
    fewer = say("Replace includes and names by the addresses behind them, or remove those you do not use any more.")
    looked_up = say("It makes receivers look up %(count)s names of at most %(most)s.", count=found.lookups, most=10)
    remarks = []
    if found.missing:
        said = say("It points to %(domain)s, which has no SPF record.", domain=found.missing[0][:100])
        remarks.append(("spf_broken", said, say("Remove that part, or correct its name.")))
    if found.lookups > MOST_LOOKUPS:
        remarks.append(("spf_too_many", looked_up, fewer))
    elif found.lookups >= MANY_LOOKUPS:
        remarks.append(("spf_many", looked_up, fewer))
    if found.void > MOST_VOID:
        said = say("More than %(most)s of its names do not exist.", most=MOST_VOID)
        remarks.append(("spf_void", said, say("Remove names that do not exist any more.")))
    if found.allows_all:
        said = say("It lets everybody send in the name of %(domain)s.", domain=domain)
        remarks.append(("spf_all_pass", said, say("End it with ~all or -all instead of +all.")))
    if not ends:
        said = say("It does not say what holds for all other servers.")
        remarks.append(("spf_open", said, say("End it with ~all or -all.")))
    if found.uses_ptr:
        said = say("It uses ptr, which is slow and which large receivers ignore.")
        remarks.append(("spf_ptr", said, say("Name the addresses themselves with ip4: and ip6:.")))
    return [Finding(code, domain, said, remedy, found=cut(text)) for code, said, remedy in remarks]


def _refused(answers: Answers, domain: str, text: str, ips: Sequence[IP]) -> list[Finding]:
    """Addresses of ours that the record does not let send."""
    refused = []
    for ip in ips:
        envelope = Envelope(ip=ip, sender=f"bounces@{domain}", helo=domain)
        try:
            verdict = check_host(answers, domain=domain, envelope=envelope, budget=Budget())
        except PermError as error:
            return [_broken(domain, text, error)]
        if verdict is not Verdict.PASS:
            refused.append(_not_named(domain, text, ip, verdict))
    return refused


def _not_named(domain: str, text: str, ip: IP, verdict: Verdict) -> Finding:
    return Finding(
        "spf_refused",
        str(ip),
        say(
            "The SPF record of %(domain)s does not let %(ip)s send (%(verdict)s).",
            domain=domain,
            ip=ip,
            verdict=verdict,
        ),
        say("Add ip%(version)s:%(ip)s to it, before the part that ends in all.", version=ip.version, ip=ip),
        found=cut(text),
        record=Record(domain, "TXT", f"v=spf1 ip{ip.version}:{ip}{text[6:]}") if len(text) < 1000 else None,  # noqa: PLR2004
    )
