"""Servers: the names of our addresses (PTR and back), and who takes the mail that comes back to us (MX)."""

import ipaddress
import re

from core.sentences import say
from delivery.doctor.answers import Answers
from delivery.doctor.findings import Finding, Record, cut
from delivery.doctor.spf_record import IP

MOST_NAMES = 10
MOST_HOSTS = 20
# So many numbers of an address in its name, and it looks like the line of a household.
GENERIC_NUMBERS = 3


def ptr_findings(answers: Answers, *, ip: IP) -> list[Finding]:
    """Whether an address has a name, and the name this address. Gmail and Yahoo ask for both."""
    about = str(ip)
    names = [name.rstrip(".").lower() for name in answers.records(ip.reverse_pointer, "PTR")][:MOST_NAMES]
    answers.ahead(*((name, kind) for name in names for kind in ("A", "AAAA")))
    if not names:
        said = say("%(ip)s has no name (PTR): large receivers refuse its mail.", ip=about)
        remedy = say("Ask whoever runs the server to give the address a name.")
        record = Record(ip.reverse_pointer, "PTR", "mail.example.org.")
        return [Finding("ptr_missing", about, said, remedy, record=record)]
    shown = cut(", ".join(names))
    if not any(ip in _addresses(answers, name) for name in names):
        said = say("%(ip)s has the name %(name)s, but that name does not have this address.", ip=about, name=names[0])
        remedy = say("Publish this record, or give the address another name.")
        kind = "A" if ip.version == 4 else "AAAA"  # noqa: PLR2004 - of the protocol
        return [Finding("ptr_unconfirmed", about, said, remedy, shown, Record(names[0], kind, about))]
    if all(_is_generic(name, ip) for name in names):
        said = say("The name %(name)s looks like that of a household, not of a mail server.", name=names[0])
        return [Finding("ptr_generic", about, said, say("Ask for a name of your own for the address."), shown)]
    return [Finding("ptr_good", about, say("%(ip)s is %(name)s, and back.", ip=about, name=names[0]), found=shown)]


def _addresses(answers: Answers, host: str) -> set[IP]:
    return {ipaddress.ip_address(address) for address in answers.addresses(host)}


def _is_generic(name: str, ip: IP) -> bool:
    if ip.version != 4:  # noqa: PLR2004 - of the protocol
        return False
    numbers = {str(int(number)) for number in re.findall(r"\d{1,3}", name)}
    return len(set(str(ip).split(".")) & numbers) >= min(GENERIC_NUMBERS, len(set(str(ip).split("."))))


def mx_findings(answers: Answers, *, domain: str) -> list[Finding]:
    """Whether mail to this domain arrives: bounces and replies have to."""
    records = answers.records(domain, "MX")
    shown = cut(", ".join(records))
    hosts = [record.rpartition(" ")[2].rstrip(".") for record in records]
    if hosts == [""]:
        said = say("%(domain)s says that it takes no mail (null MX): bounces and replies are lost.", domain=domain)
        remedy = say("Use a domain that takes mail, or publish the mail server of this one.")
        return [Finding("mx_null", domain, said, remedy, shown, _suggested(domain))]
    if not hosts:
        return [_without_mx(answers, domain)]
    hosts = hosts[:MOST_HOSTS]
    answers.ahead(*((host, kind) for host in hosts for kind in ("A", "AAAA")))
    dangling = [host for host in hosts if not host or not answers.addresses(host)]
    names = cut(", ".join(dangling))
    if len(dangling) == len(hosts):
        said = say("No mail server of %(domain)s has an address: %(hosts)s.", domain=domain, hosts=names)
        remedy = say("Give them addresses, or publish others.")
        return [Finding("mx_missing", domain, said, remedy, shown, _suggested(domain))]
    if dangling:
        said = say("Mail servers of %(domain)s without an address: %(hosts)s.", domain=domain, hosts=names)
        return [Finding("mx_dangling", domain, said, say("Give them addresses, or remove them."), shown)]
    return [Finding("mx_good", domain, say("%(domain)s takes mail.", domain=domain), found=shown)]


def _without_mx(answers: Answers, domain: str) -> Finding:
    if answers.addresses(domain):
        said = say("%(domain)s has no MX record; its own address is taken for its mail server.", domain=domain)
        return Finding("mx_implicit", domain, said, say("Publish one."), record=_suggested(domain))
    said = say("%(domain)s has no mail server: bounces and replies are lost.", domain=domain)
    return Finding("mx_missing", domain, said, say("Publish one."), record=_suggested(domain))


def _suggested(domain: str) -> Record:
    return Record(domain, "MX", f"10 mail.{domain}.")
