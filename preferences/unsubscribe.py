"""Stopping the mail: from the button that mail programs show (RFC 8058), and from our own page.

The order is the promise: lock the address and store the objection, commit; wait until no mail to this address is on its
way any more; then note it, and only then answer. So no mail begins after the answer.
"""

from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import Withdrawn, withdraw_consent
from contacts.consent_models import Consent
from contacts.models import Address, Channel
from core import clock
from core.db import transaction
from delivery import wait_until_quiet
from preferences.recipient import Recipient, recipient
from preferences.visits import Visit
from suppression import Cause, add
from suppression.models import SuppressionEntry, SuppressionLift
from tracking import EventKind, Happening, Purpose, record

log = structlog.get_logger()


class Scope(StrEnum):
    """What is to stop: mail of the kind that led here, or everything on every channel (Art. 21(2) GDPR)."""

    LIST = "list"
    EVERYTHING = "everything"


@dataclass(frozen=True)
class Stopped:
    """Whose mail stopped. `on_its_way`: a mail was being handed over all the time, so this one may still arrive."""

    who: Recipient
    on_its_way: bool


def stop(*, purpose: Purpose, token: str, scope: Scope, through: str, visit: Visit) -> Stopped | None:
    """Store an objection, wait until it holds, and answer who it was for; None when the token is not ours.

    None as well when nobody knows the address any more, as of people who came after a backup that was restored: saying
    that it worked would be a lie, because they may come back with the next import.

    Opens its own transactions, because none may be open while it waits. `through` says by which way: `one_click`,
    `page`, `preferences`, `mailto` or `provider`. Doing it again stores no second entry.
    """
    with transaction() as session:
        who = recipient(session, purpose=purpose, token=token)
        if who is None:
            return None
        if not _is_known(session, who):
            log.warning("objection_of_unknown_address", address=who.address_id, through=through)
            return None
        new = _object(session, who, scope=scope, through=through)
    quiet = wait_until_quiet(who.address_id)
    if not quiet:
        log.warning("mail_on_its_way", message=who.token.message_id, through=through)
    if new:
        with transaction() as session:
            _note(session, who, scope=scope, through=through, visit=visit)
    return Stopped(who, on_its_way=not quiet)


def stop_by_mail(*, token: str) -> bool:
    """Somebody wrote to the address that the mail program was given to unsubscribe (RFC 2369): one click by mail.

    Answers whether the token is ours. Who wrote is not asked: whoever has the token could click as well.
    """
    nowhere = Visit(ip=None, user_agent=None)
    return stop(purpose=Purpose.UNSUBSCRIBE, token=token, scope=Scope.LIST, through="mailto", visit=nowhere) is not None


def stop_by_provider(*, token: str) -> bool:
    """Somebody unsubscribed where a provider that carries our mail offers it, and the provider told us so.

    Answers whether the token is ours; it was made for the message that the provider named.
    """
    nowhere = Visit(ip=None, user_agent=None)
    found = stop(purpose=Purpose.UNSUBSCRIBE, token=token, scope=Scope.LIST, through="provider", visit=nowhere)
    return found is not None


def _is_known(session: Session, who: Recipient) -> bool:
    return session.scalar(select(Address.id).where(Address.id == who.address_id)) is not None


def _object(session: Session, who: Recipient, *, scope: Scope, through: str) -> bool:
    """Add the entry unless the same objection stands already. Answers whether it is new."""
    if session.scalar(select(Address.id).where(Address.id == who.address_id).with_for_update()) is None:
        return False
    everything = scope is Scope.EVERYTHING
    channel = None if everything else Channel.EMAIL.value
    purpose = None if everything else who.purpose
    controller_id = None if everything or who.controller is None else who.controller.id
    if _stands(session, who.address_id, channel=channel, purpose=purpose, controller_id=controller_id):
        return False
    return add(
        session,
        address_id=who.address_id,
        cause=Cause.OPTED_OUT,
        at=clock.now(),
        source=through,
        channel=channel,
        purpose=purpose,
        controller_id=controller_id,
        evidence={"message_id": who.token.message_id, "run_id": who.token.run_id},
    )


def _stands(
    session: Session, address_id: int, *, channel: str | None, purpose: str | None, controller_id: int | None
) -> bool:
    """Whether this very objection is stored, not lifted, and not answered by a later confirmation."""
    latest = session.scalar(
        select(SuppressionEntry.at)
        .outerjoin(SuppressionLift, SuppressionLift.entry_id == SuppressionEntry.id)
        .where(
            SuppressionEntry.address_id == address_id,
            SuppressionEntry.cause == Cause.OPTED_OUT,
            SuppressionEntry.channel.is_not_distinct_from(channel),
            SuppressionEntry.purpose.is_not_distinct_from(purpose),
            SuppressionEntry.controller_id.is_not_distinct_from(controller_id),
            SuppressionLift.entry_id.is_(None),
        )
        .order_by(SuppressionEntry.at.desc())
        .limit(1)
    )
    if latest is None:
        return False
    confirmed = session.scalars(select(Consent.confirmed_at).where(Consent.address_id == address_id))
    return all(moment is None or moment < latest for moment in confirmed)


def _note(session: Session, who: Recipient, *, scope: Scope, through: str, visit: Visit) -> None:
    """The ledger and the consent's own record follow the objection; they stop nothing by themselves."""
    now = clock.now()
    everything = scope is Scope.EVERYTHING
    happening = Happening(at=now, address_id=who.address_id, message_id=who.token.message_id, run_id=who.token.run_id)
    record(session, EventKind.UNSUBSCRIBE, [happening])
    withdraw_consent(
        session,
        address_id=who.address_id,
        at=now,
        evidence=Withdrawn(
            through=through,
            ip=visit.ip,
            user_agent=visit.user_agent,
            message_id=who.token.message_id,
            evidence_ref=f"message:{who.token.message_id}",
        ),
        controller_id=None if everything or who.controller is None else who.controller.id,
        channel=None if everything else Channel.EMAIL,
        purpose=None if everything else who.purpose,
    )
