"""The DMARC policy of the domain in From, where its reports go, and whether SPF and DKIM speak for that domain."""

import re

from core.sentences import say
from delivery.doctor.answers import Answers
from delivery.doctor.dmarc import BadPolicy, Place, is_aligned, organisation, policy_place
from delivery.doctor.findings import Finding, Record, cut
from delivery.doctor.subject import Subject
from delivery.doctor.tags import starts

POLICIES = frozenset({"none", "quarantine", "reject"})
OLD_TAGS = frozenset({"pct", "rf", "ri"})
# Receivers report to at least two addresses; a record that names hundreds is a mistake.
MOST_REPORTED = 10

_REPORT = re.compile(r"mailto:[^@,!\s]+@([A-Za-z0-9._-]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


def dmarc_findings(answers: Answers, *, subject: Subject) -> list[Finding]:
    """What receivers read about mail from this domain."""
    try:
        place = policy_place(answers, subject.domain)
    except BadPolicy as error:
        remedy = say("Publish exactly one record like this one.")
        return [Finding(error.code, subject.domain, error.why, remedy, cut(error.text), _suggested(error.name))]
    if place is None:
        return [_missing(subject.domain)]
    policy = _policy(place, subject.domain)
    if policy not in POLICIES:
        said = say("The DMARC record of %(domain)s names no policy that receivers know.", domain=place.domain)
        remedy = say("Set p= to none, quarantine or reject.")
        return [Finding("dmarc_broken", subject.domain, said, remedy, cut(place.text), _suggested(place.domain))]
    remarks = _remarks(place, policy) + _reports(answers, place)
    good = say("DMARC asks receivers for %(policy)s.", policy=policy)
    return remarks or [Finding("dmarc_good", subject.domain, good, found=cut(place.text))]


def _missing(domain: str) -> Finding:
    return Finding(
        "dmarc_missing",
        domain,
        say("%(domain)s has no DMARC record: large mailbox providers refuse bulk mail without one.", domain=domain),
        say("Publish one; p=none is enough to begin with."),
        record=_suggested(domain),
    )


def _suggested(domain: str) -> Record:
    return Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}")


def _policy(place: Place, domain: str) -> str:
    """What is asked for, for this domain: below the record, `sp` counts before `p`. Without any it is none."""
    usual = place.tags.get("p", "none")
    return (usual if place.domain == domain else place.tags.get("sp", usual)).lower()


def _remarks(place: Place, policy: str) -> list[Finding]:
    remarks = []
    if policy == "none" or place.tags.get("t", "n").lower() == "y":
        said = say("DMARC only watches: receivers do nothing about forged mail.")
        remedy = say("Once the reports show that all your mail is aligned, go over to p=quarantine or p=reject.")
        remarks.append(Finding("dmarc_only_watching", place.domain, said, remedy, cut(place.text)))
    if old := sorted(OLD_TAGS & place.tags.keys()):
        said = say("The DMARC record has tags that mean nothing any more: %(tags)s.", tags=", ".join(old))
        remarks.append(Finding("dmarc_old_tags", place.domain, said, say("Remove them."), cut(place.text)))
    if not place.tags.get("rua"):
        said = say("Nobody gets reports about mail in the name of %(domain)s.", domain=place.domain)
        remedy = say("Add rua=mailto: with an address that reads them.")
        remarks.append(Finding("dmarc_no_reports", place.domain, said, remedy, cut(place.text)))
    return remarks


def _reports(answers: Answers, place: Place) -> list[Finding]:
    """Addresses outside the organisation have to agree to get reports (RFC 9990, section 4)."""
    uris = [one.strip() for one in place.tags.get("rua", "").split(",", MOST_REPORTED)[:MOST_REPORTED] if one.strip()]
    remarks = []
    for uri in uris:
        found = _REPORT.fullmatch(uri)
        if found is None:
            said = say("%(address)s is no address for reports.", address=repr(uri[:100]))
            remedy = say("Write it as mailto:somebody@example.org.")
            remarks.append(Finding("dmarc_reports_refused", place.domain, said, remedy, cut(place.text)))
        elif (host := found[1].lower()) and not _agreed(answers, place.domain, host):
            name = f"{place.domain}._report._dmarc.{host}"
            said = say("%(host)s has not agreed to get reports about %(domain)s.", host=host, domain=place.domain)
            remedy = say("Ask its operator to publish this record, or use an address of your own.")
            record = Record(name, "TXT", "v=DMARC1")
            remarks.append(Finding("dmarc_reports_refused", place.domain, said, remedy, cut(place.text), record))
    return remarks


def _agreed(answers: Answers, domain: str, host: str) -> bool:
    if host == domain or organisation(answers, host) == organisation(answers, domain):
        return True
    texts = answers.records(f"{domain}._report._dmarc.{host}", "TXT")
    return any(starts(text, "DMARC1") for text in texts)


def alignment_findings(answers: Answers, *, subject: Subject) -> list[Finding]:
    """Whether what SPF and DKIM prove speaks for the domain that people see."""
    try:
        place = policy_place(answers, subject.domain)
    except BadPolicy:
        return []
    tags = place.tags if place else {}
    strict_spf, strict_dkim = tags.get("aspf", "r").lower() == "s", tags.get("adkim", "r").lower() == "s"
    by_spf = is_aligned(answers, author=subject.domain, other=subject.return_domain, strict=strict_spf)
    signing = {key.domain for key in subject.keys if key.is_active}
    by_dkim = any(is_aligned(answers, author=subject.domain, other=one, strict=strict_dkim) for one in sorted(signing))
    names = {"domain": subject.domain, "bounces": subject.return_domain}
    if by_spf and by_dkim:
        return [Finding("aligned_good", subject.domain, say("SPF and DKIM both speak for %(domain)s.", **names))]
    sign = say("Sign with a key of %(domain)s (crusoe dkim new), or let your relay do so.", **names)
    if by_spf:
        said = say("Only SPF speaks for %(domain)s; it breaks as soon as a mail is forwarded.", **names)
        return [Finding("dmarc_one_aligned", subject.domain, said, sign)]
    if by_dkim:
        said = say("Only DKIM speaks for %(domain)s: bounces go to %(bounces)s, another organisation.", **names)
        remedy = say("Let bounces go to a name below %(domain)s (return_domain of the sender).", **names)
        return [Finding("dmarc_one_aligned", subject.domain, said, remedy)]
    said = say("Neither SPF nor DKIM speaks for %(domain)s: bounces go to %(bounces)s, and no key signs.", **names)
    return [Finding("dmarc_unaligned", subject.domain, said, sign)]
