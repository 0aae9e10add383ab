"""Whether the mail servers of a domain say in the DNS which certificate they have (DANE for SMTP, RFC 7672).

Such records count only in a zone that is signed; whether it is, a resolver would have to tell, and that is not asked.
"""

from collections.abc import Iterator

from core.sentences import say
from delivery.doctor.answers import Answers
from delivery.doctor.findings import Finding, cut
from delivery.doctor.hosts import MOST_HOSTS

# Usages that mail servers act on: a trust anchor of one's own, or the very certificate (RFC 7672, 3.1).
USABLE = {"2", "3"}
SELECTORS = {"0", "1"}
# Hexadecimal digits of a digest, by the kind of matching; the whole of a certificate has any length.
DIGITS = {"1": 64, "2": 128}


def dane_findings(answers: Answers, *, domain: str) -> list[Finding]:
    """What is said about the certificates of all servers that take mail for this domain; it informs only."""
    hosts = [record.rpartition(" ")[2].rstrip(".") for record in answers.records(domain, "MX")][:MOST_HOSTS]
    hosts = list(filter(None, dict.fromkeys(hosts)))
    if not hosts:
        return []
    answers.ahead(*((_place(host), "TLSA") for host in hosts))
    said = {host: answers.records(_place(host), "TLSA") for host in hosts}
    return list(_found(domain, said))


def _found(domain: str, said: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    without = [host for host, records in said.items() if not records]
    broken = [host for host, records in said.items() if records and not any(map(_is_usable, records))]
    if len(without) == len(said):
        message = say("The mail servers of %(domain)s do not say which certificate they have (DANE).", domain=domain)
        remedy = say(
            "It is about mail to you, and needs a signed zone (DNSSEC): publish TLSA records for each of them."
        )
        yield Finding("dane_missing", domain, message, remedy)
        return
    if broken:
        message = say("No server can use the TLSA records of %(hosts)s.", hosts=cut(", ".join(broken)))
        remedy = say("Publish records of the form “3 1 1” and the SHA-256 digest of the key.")
        yield Finding("dane_broken", domain, message, remedy, cut("; ".join(said[broken[0]])))
    if without:
        message = say(
            "Mail servers of %(domain)s without TLSA records: %(hosts)s.", domain=domain, hosts=", ".join(without)
        )
        yield Finding(
            "dane_partial", domain, message, say("Others insist on TLS only towards the rest: publish them all.")
        )
    if not broken and not without:
        message = say("All mail servers of %(domain)s say which certificate they have (DANE).", domain=domain)
        yield Finding("dane_good", domain, message, found=cut("; ".join(next(iter(said.values())))))


def _place(host: str) -> str:
    return f"_25._tcp.{host}"


def _is_usable(record: str) -> bool:
    parts = record.lower().split()
    if len(parts) < 4 or parts[0] not in USABLE or parts[1] not in SELECTORS:  # noqa: PLR2004 - RFC 6698, 2.2
        return False
    data = "".join(parts[3:])
    return len(data) == DIGITS[parts[2]] if parts[2] in DIGITS else parts[2] == "0" and bool(data)
