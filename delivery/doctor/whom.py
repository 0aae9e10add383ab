"""What is known here of a sender that the doctor needs: domains, keys, and the addresses from which it sends."""

import ipaddress
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address
from core.errors import CrusoeError, NotFound, WrongInput
from core.sentences import say
from core.settings import settings
from delivery.dkim import signer
from delivery.doctor.spf_record import IP
from delivery.doctor.store import request_look
from delivery.doctor.subject import Subject
from delivery.models import Sender
from delivery.signing import PublicKey, public_value
from delivery.signing.keys import domain_name, public_keys


def find_sender(session: Session, code: str) -> Sender:
    """The sender with this code."""
    found = session.scalar(select(Sender).where(Sender.code == code))
    if found is None:
        raise NotFound("sender_unknown", say("There is no sender %(code)s.", code=repr(code[:60])))
    return found


def senders_of(session: Session, *, domain: str) -> list[Sender]:
    """The senders whose From address is in this domain."""
    wanted = domain_name(domain)
    everyone = session.scalars(select(Sender).order_by(Sender.code))
    return [sender for sender in everyone if email_address(sender.from_address).domain == wanted]


def ask_for_domain(session: Session, *, domain: str, by: str) -> None:
    """Ask for a look at every sender of a domain: something about it has just changed."""
    for sender in senders_of(session, domain=domain):
        request_look(session, sender_id=sender.id, by=by)


def subject_of(session: Session, sender: Sender, *, ips: Sequence[str] = ()) -> Subject:
    """What the doctor looks at. `ips` stand in place of CRUSOE_SENDING_IPS."""
    domain = email_address(sender.from_address).domain
    keys = public_keys(session, domain=domain)
    unusable: tuple[tuple[str, str], ...] = ()
    if sender.dkim_selector and not any(key.is_active for key in keys):
        own, unusable = _of_file(domain, sender.dkim_selector)
        keys = [*own, *keys]
    return Subject(
        domain=domain,
        return_domain=domain_name(sender.return_domain),
        reply_domain=email_address(sender.reply_to).domain if sender.reply_to else None,
        ips=sending_ips(sender.code, given=ips),
        keys=tuple(keys),
        unusable=unusable,
    )


def bare_subject(session: Session, *, domain: str, ips: Sequence[str] = ()) -> Subject:
    """A domain with which nobody sends yet."""
    name = domain_name(domain)
    keys = tuple(public_keys(session, domain=name))
    return Subject(domain=name, return_domain=name, ips=sending_ips("", given=ips), keys=keys)


def _of_file(domain: str, selector: str) -> tuple[list[PublicKey], tuple[tuple[str, str], ...]]:
    """The key in the key folder, or why it cannot be used."""
    try:
        found = signer(domain=domain, selector=selector)
    except CrusoeError as error:
        return [], ((selector, error.told()),)
    kind = "rsa" if hasattr(found.key, "key_size") else "ed25519"
    return [PublicKey(domain, selector, kind, public_value(found.key))], ()


def sending_ips(code: str, *, given: Sequence[str] = ()) -> tuple[IP, ...]:
    """The addresses from which this sender's mail leaves, as far as somebody told us.

    CRUSOE_SENDING_IPS holds addresses for all senders, and `code=address` for those of one.
    """
    written = [one.strip() for one in (settings().sending_ips or "").split(",") if one.strip()]
    own = [one.partition("=")[2] for one in written if one.partition("=")[0] == code and "=" in one]
    chosen = list(given) or own or [one for one in written if "=" not in one]
    return tuple(_ip(one.strip()) for one in chosen)


def _ip(text: str) -> IP:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise WrongInput(
            "sending_ips",
            say("%(text)s is no IP address.", text=repr(text[:60])),
            say("Write single addresses, such as 203.0.113.5, in --ip and CRUSOE_SENDING_IPS."),
        ) from error
