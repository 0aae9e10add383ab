"""Calls of providers: who called, what is new in it, and what follows. Signed, fresh, once, about a message of ours.

The way of one call: `hook_of` finds the account, `Hook.hear` checks the signature and reads the events, `news` says
which of them count, `opt_outs` names those that are objections (they are carried out before anything is noted, because
an objection waits for what is on its way), and `take_in_call` notes and carries out the rest in one transaction.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.sealing import unseal
from core.sentences import packed, say
from delivery.models import Way
from delivery.providers.classes import failure
from delivery.providers.known import provider
from delivery.providers.models import ProviderCall, Transport
from delivery.providers.naming import named
from delivery.providers.protocol import Account, Call, EventClass, Heard, Provider, Told
from delivery.providers.routes import HOOK
from delivery.providers.signatures import is_fresh
from delivery.returns.belief import about
from delivery.returns.intake import take_in
from delivery.returns.reading import Reading
from delivery.returns.resolving import resolve
from delivery.states import MessageState
from tracking import Purpose, make_message_token


@dataclass(frozen=True)
class Hook:
    """The webhook of a transport."""

    transport_id: int
    provider: Provider
    account: Account

    def hear(self, call: Call) -> Heard:
        """What the call says. Raises Forged. May fetch a certificate, so no transaction may be open."""
        return self.provider.hear(self.account, call)


@dataclass(frozen=True)
class CallTaken:
    """How many events of a call were taken in, known before, too old, or about no message of ours."""

    taken: int = 0
    known: int = 0
    old: int = 0
    foreign: int = 0


def hook_of(session: Session, *, kind: str, code: str) -> Hook:
    """The webhook of this transport; it works as well while the transport itself is switched off. Raises NotFound."""
    row = session.scalar(select(Transport).where(Transport.code == code, Transport.kind == kind))
    # SNS needs no secret of ours: what proves a call is a certificate, and the topic that it was published to.
    if row is None or not (row.hook_secret or row.settings.get("topic")):
        raise NotFound("hook_unknown", say("There is no such webhook."))
    secret = unseal(row.hook_secret, purpose=HOOK) if row.hook_secret else ""
    return Hook(row.id, provider(kind), Account(row.url, row.settings, hook_secret=secret))


def news(session: Session, hook: Hook, heard: Heard, *, now: datetime) -> list[Told]:
    """The events that are fresh, about a message of ours, and were not taken in before."""
    ours = [one for one in heard.events if named(one.name) is not None and _is_fresh(one, now)]
    digests = [_digest(one) for one in ours]
    known = set(
        session.scalars(
            select(ProviderCall.digest).where(
                ProviderCall.transport_id == hook.transport_id, ProviderCall.digest.in_(digests)
            )
        )
    )
    return [one for one, digest in zip(ours, digests, strict=True) if digest not in known]


def opt_outs(session: Session, told: Sequence[Told]) -> list[str]:
    """For each event that is an objection, the token with which the person could have clicked as well."""
    wanted = [named(one.name) for one in told if one.kind is EventClass.UNSUBSCRIBE]
    found = [about(session, number) for number in wanted if number is not None]
    return [
        make_message_token(
            Purpose.UNSUBSCRIBE, run_id=one.run_id, message_id=one.message_id, address_id=one.address_id, sent_at=0
        )
        for one in found
        if one is not None
    ]


def take_in_call(session: Session, hook: Hook, heard: Heard, *, now: datetime) -> CallTaken:
    """Note the call, and do what follows from each event that is new. Twice the same event is once."""
    ours = [one for one in heard.events if named(one.name) is not None]
    fresh = [one for one in ours if _is_fresh(one, now)]
    new = [one for one in fresh if _is_new(session, hook, one)]
    for one in new:
        _follow(session, hook, one)
    session.execute(
        text(
            "UPDATE transport SET called_at = clock_timestamp(), call_note = coalesce(:note, call_note) WHERE id = :id"
        ),
        {"id": hook.transport_id, "note": packed(heard.note) if heard.note else None},
    )
    return CallTaken(len(new), len(fresh) - len(new), len(ours) - len(fresh), len(heard.events) - len(ours))


def _is_fresh(one: Told, now: datetime) -> bool:
    return one.at is None or is_fresh(one.at, now=now)


def _digest(one: Told) -> bytes:
    return sha256(one.key.encode()).digest()


def _is_new(session: Session, hook: Hook, one: Told) -> bool:
    stored = session.scalar(
        upsert(ProviderCall)
        .values(transport_id=hook.transport_id, digest=_digest(one))
        .on_conflict_do_nothing()
        .returning(ProviderCall.transport_id)
    )
    return stored is not None


def _follow(session: Session, hook: Hook, one: Told) -> None:
    number = named(one.name)
    subject = about(session, number) if number is not None else None
    if subject is None or one.kind is EventClass.UNSUBSCRIBE:
        return
    if one.kind is EventClass.DELIVERED:
        resolve(session, subject, MessageState.RESOLVED_SENT)
        return
    raw = json.dumps({"provider": hook.provider.name, "event": one.source}, sort_keys=True).encode()
    take_in(session, raw=raw, reading=Reading((failure(one),)), way=Way.WEBHOOK)
