"""Whom the doctor looks at: the domain of a sender, where its bounces and replies go, its keys and its addresses."""

from dataclasses import dataclass, field

from delivery.doctor.spf_record import IP
from delivery.signing.public import PublicKey


@dataclass(frozen=True)
class Subject:
    """What is known of one sender. `ips` are the addresses from which its mail leaves, as far as anybody told us.

    `unusable` are selectors whose key we cannot read, each with what stands in the way.
    """

    domain: str
    return_domain: str
    reply_domain: str | None = None
    ips: tuple[IP, ...] = ()
    keys: tuple[PublicKey, ...] = ()
    unusable: tuple[tuple[str, str], ...] = field(default=())
