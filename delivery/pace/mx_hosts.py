"""Who runs the mailboxes of a domain, by the hosts that take its mail: a table of their names. Pure.

Whoever filters mail for others counts, too: it is its servers that decide how much they take.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from delivery.pace.operators import operators

TABLE = Path(__file__).parent / "mx_hosts.tsv"
COLUMNS = ("operator", "hosts", "source", "year")


@cache
def operators_by_host() -> Mapping[str, int]:
    """The number of the operator by the end of a host name; the domains of operators are ends of their hosts, too."""
    lines = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if line]
    if tuple(lines[0]) != COLUMNS:
        raise ValueError(f"{TABLE.name} has the columns {COLUMNS}")
    numbers = {one.code: one.number for one in operators()}
    own = {domain: one.number for one in operators() for domain in one.domains}
    return own | {host: numbers[code] for code, hosts, *_ in lines[1:] for host in hosts.split()}


def first_host(records: Iterable[str]) -> str | None:
    """The host that mail goes to first, of MX records as `preference host`; None when the domain takes none (RFC 7505).

    Of several with the same preference it is the first by name, so that one domain always has the same answer.
    """
    found: list[tuple[int, str]] = []
    for record in records:
        preference, _, host = record.partition(" ")
        name = host.strip().rstrip(".").lower()
        if preference.isdigit() and name:
            found.append((int(preference), name))
    return min(found)[1] if found else None


def operator_of_host(host: str) -> int | None:
    """Who runs this host, by the longest end of its name that is known; None for all others."""
    return _longest(host.split("."), operators_by_host())


def _longest(labels: Sequence[str], known: Mapping[str, int]) -> int | None:
    ends = (".".join(labels[number:]) for number in range(len(labels)))
    return next((known[end] for end in ends if end in known), None)
