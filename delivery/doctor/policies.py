"""What a domain says about TLS towards it (MTA-STS, TLS-RPT) and about its logo (BIMI)."""

import re

from core.sentences import Sentence, say
from delivery.doctor.answers import Answers
from delivery.doctor.dmarc import BadPolicy, policy_place
from delivery.doctor.findings import Finding, Record, cut
from delivery.doctor.sts_policy import sts_policy_findings
from delivery.doctor.tags import BadTags, read_tags, starts

_STS_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_REPORT = re.compile(r"(mailto:[^@\s,]+@[^@\s,]+|https://[^\s,]+)(\s*,\s*(mailto:[^@\s,]+@[^@\s,]+|https://[^\s,]+))*")


def _one(answers: Answers, name: str, version: str) -> tuple[str, dict[str, str] | None]:
    """The one record of this version and its tags: none at all, or None as tags when receivers cannot use it."""
    texts = [text for text in answers.records(name, "TXT") if starts(text, version)]
    if not texts:
        return "", {}
    try:
        return texts[0], read_tags(texts[0]) if len(texts) == 1 else None
    except BadTags:
        return texts[0], None


def _judged(
    code: str, *, record: Record, about: str, text: str, good: bool, said: dict[str, Sentence]
) -> list[Finding]:
    if not text:
        return [Finding(f"{code}_missing", about, said["missing"], said["remedy"], record=record)]
    if not good:
        broken = say("Receivers cannot use the record at %(name)s.", name=record.name)
        return [
            Finding(
                f"{code}_broken", about, broken, say("Publish exactly one record like this one."), cut(text), record
            )
        ]
    return [Finding(f"{code}_good", about, said["good"], found=cut(text))]


def mta_sts_findings(answers: Answers, *, domain: str) -> list[Finding]:
    """Whether servers that write to us are told to insist on TLS, by a record and by a policy on a web server."""
    text, tags = _one(answers, f"_mta-sts.{domain}", "STSv1")
    said = {
        "missing": say("%(domain)s does not ask other servers to insist on TLS (MTA-STS).", domain=domain),
        "remedy": say(
            "It is about mail to you. Publish the policy at mta-sts.%(domain)s and this record.", domain=domain
        ),
        "good": say("%(domain)s asks other servers to insist on TLS.", domain=domain),
    }
    good = tags is not None and bool(_STS_ID.fullmatch(tags.get("id", "")))
    record = Record(f"_mta-sts.{domain}", "TXT", "v=STSv1; id=1")
    found = _judged("mta_sts", record=record, about=domain, text=text, good=good, said=said)
    if good and (objections := sts_policy_findings(answers, domain=domain)):
        return objections
    return found


def tls_rpt_findings(answers: Answers, *, domain: str) -> list[Finding]:
    """Whether we are told when mail to us could not be protected."""
    text, tags = _one(answers, f"_smtp._tls.{domain}", "TLSRPTv1")
    said = {
        "missing": say("Nobody is told when mail to %(domain)s cannot be protected by TLS (TLS-RPT).", domain=domain),
        "remedy": say("Publish an address for the reports."),
        "good": say("Reports about TLS towards %(domain)s go to somebody.", domain=domain),
    }
    record = Record(f"_smtp._tls.{domain}", "TXT", f"v=TLSRPTv1; rua=mailto:tls@{domain}")
    good = tags is not None and bool(_REPORT.fullmatch(tags.get("rua", "")))
    return _judged("tls_rpt", record=record, about=domain, text=text, good=good, said=said)


def bimi_findings(answers: Answers, *, domain: str) -> list[Finding]:
    """Whether the domain shows a logo, and whether its DMARC policy lets receivers show it."""
    text, tags = _one(answers, f"default._bimi.{domain}", "BIMI1")
    record = Record(
        f"default._bimi.{domain}", "TXT", f"v=BIMI1; l=https://{domain}/logo.svg; a=https://{domain}/logo.pem"
    )
    said = {
        "missing": say("%(domain)s shows no logo in mailboxes (BIMI).", domain=domain),
        "remedy": say("Optional: it needs DMARC with p=quarantine or p=reject, and a certificate for the logo."),
        "good": say("The logo of %(domain)s can be shown.", domain=domain),
    }
    # An empty l= says in so many words that there is none (section 4.2 of the draft).
    good = tags is not None and "l" in tags and (not tags["l"] or tags["l"].lower().startswith("https://"))
    found = _judged("bimi", record=record, about=domain, text=text, good=good, said=said)
    if found[0].code == "bimi_good" and tags and tags["l"] and not _enforced(answers, domain):
        why = say("The logo is not shown: DMARC does not ask for quarantine or reject.")
        return [Finding("bimi_unenforced", domain, why, say("Go over to p=quarantine or p=reject first."), cut(text))]
    return found


def _enforced(answers: Answers, domain: str) -> bool:
    try:
        place = policy_place(answers, domain)
    except BadPolicy:
        return False
    return place is not None and place.tags.get("p", "none").lower() in {"quarantine", "reject"}
