"""Decisions that were made, with everything that they rest on: the one place that reads them together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from contacts import consent_records
from contacts.consent_models import Consent
from contacts.models import Purchase
from suppression.facts import Basis
from suppression.models import DecisionContext, ListVersion, Stage, StoredDecision, SuppressionEntry
from tracking.models import Exposure


@dataclass(frozen=True)
class ListState:
    """A version of an external list that was asked."""

    list_id: str
    version: int
    published_at: datetime
    records: int
    sha256: str


@dataclass(frozen=True)
class Order:
    """A purchase that made somebody a customer; `notice_shown`: with the right to object pointed out."""

    id: int
    number: str
    ordered_at: datetime
    notice_shown: bool


@dataclass(frozen=True)
class Objected:
    """The entry that stood against a message; an absent purpose means all."""

    id: int
    cause: str
    at: datetime
    source: str
    purpose: str | None


@dataclass(frozen=True)
class Explained:
    """One decision and its evidence. `lists` holds every list that was asked, None where there was no version of it.

    `consent` is the whole record (see `consents_of`); of a mail that asked for a confirmation, the one it asked for.
    """

    id: int
    batch_id: int
    message_id: int
    verdict: str
    reasons: tuple[str, ...]
    basis: str | None
    stage: str
    purpose: str
    topic: str | None
    decided_at: datetime
    rules_version: int
    consent: Mapping[str, Any] | None
    order: Order | None
    entry: Objected | None
    listed_in: ListState | None
    lists: Mapping[str, ListState | None]


def explain(session: Session, *, address_id: int, message_ids: Collection[int]) -> tuple[Explained, ...]:
    """Every decision about these messages to one address, newest first. A handful of queries, however many there are.

    The newest one about a message is the one that counts; what was decided when it was planned comes after it.
    """
    return _explain(session, StoredDecision.message_id.in_(message_ids), address_id=address_id)


def explain_exported(session: Session, *, address_id: int) -> tuple[Explained, ...]:
    """Every decision about one address that was made for a file, newest first; `batch_id` says for which."""
    exported = and_(StoredDecision.message_id.is_(None), DecisionContext.stage == Stage.EXPORT)
    return _explain(session, exported, address_id=address_id)


def _explain(session: Session, wanted: ColumnElement[bool], *, address_id: int) -> tuple[Explained, ...]:
    rows = session.execute(
        select(StoredDecision, DecisionContext)
        .join(DecisionContext, DecisionContext.batch_id == StoredDecision.batch_id)
        .where(wanted, StoredDecision.address_id == address_id)
        .order_by(StoredDecision.id.desc())
    ).all()
    decisions = [row.StoredDecision for row in rows]
    known = _Known(
        consents=_consents(session, decisions, address_id=address_id),
        orders=_orders(session, _ids(decisions, "purchase_id")),
        entries=_entries(session, _ids(decisions, "entry_id")),
        lists=_lists(session, {version for row in rows for version in row.DecisionContext.list_versions.values()}),
    )
    return tuple(_explained(row.StoredDecision, row.DecisionContext, known) for row in rows)


def consents_of(session: Session, address_id: int) -> list[dict[str, Any]]:
    """The whole record of each consent of an address: `contacts.consent_records`, with when it was first and last used.

    Uses are what the clock of an unused consent runs from: messages sent on its strength.
    """
    found = session.scalars(select(Consent.id).where(Consent.address_id == address_id)).all()
    return list(_with_use(session, found, address_id=address_id).values())


@dataclass(frozen=True)
class _Known:
    """What decisions refer to, by id."""

    consents: Mapping[int, dict[str, Any]]
    orders: Mapping[int, Order]
    entries: Mapping[int, Objected]
    lists: Mapping[int, ListState]


def _explained(decision: StoredDecision, context: DecisionContext, known: _Known) -> Explained:
    # Numbers begin at 1, so 0 stands for what a decision does not refer to.
    return Explained(
        id=decision.id,
        batch_id=decision.batch_id,
        message_id=decision.message_id or 0,
        verdict=decision.verdict,
        reasons=tuple(decision.reasons),
        basis=decision.basis,
        stage=context.stage.value,
        purpose=context.purpose,
        topic=context.topic,
        decided_at=context.decided_at,
        rules_version=context.rules_version,
        consent=known.consents.get(decision.consent_id or 0) or _asked_by(decision, known.consents.values()),
        order=known.orders.get(decision.purchase_id or 0),
        entry=known.entries.get(decision.entry_id or 0),
        listed_in=known.lists.get(decision.list_version_id or 0),
        lists={name: known.lists.get(version or 0) for name, version in context.list_versions.items()},
    )


def _asked_by(decision: StoredDecision, consents: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The consent that this very mail asked to confirm."""
    if decision.basis != Basis.OWN_REQUEST:
        return None
    asked = (one for one in consents if any(step.get("message_id") == decision.message_id for step in one["steps"]))
    return next(asked, None)


def _ids(decisions: Sequence[StoredDecision], column: str) -> set[int]:
    return {value for decision in decisions if (value := getattr(decision, column)) is not None}


def _consents(session: Session, decisions: Sequence[StoredDecision], *, address_id: int) -> dict[int, dict[str, Any]]:
    wanted = _ids(decisions, "consent_id")
    if any(decision.basis == Basis.OWN_REQUEST for decision in decisions):
        wanted |= set(session.scalars(select(Consent.id).where(Consent.address_id == address_id)))
    return _with_use(session, wanted, address_id=address_id)


def _with_use(session: Session, consent_ids: Collection[int], *, address_id: int) -> dict[int, dict[str, Any]]:
    used = {
        (row.channel, row.purpose): {"first_use_on": row.first, "last_use_at": row.last, "messages": row.messages}
        for row in session.execute(
            select(
                Exposure.channel,
                Exposure.purpose,
                func.min(Exposure.day).label("first"),
                func.max(Exposure.last_at).label("last"),
                func.sum(Exposure.messages).label("messages"),
            )
            .where(Exposure.address_id == address_id, Exposure.basis == Basis.CONSENT)
            .group_by(Exposure.channel, Exposure.purpose)
        )
    }
    unused = {"first_use_on": None, "last_use_at": None, "messages": 0}
    return {
        number: record | used.get((record["channel"], record["purpose"]), unused)
        for number, record in consent_records(session, consent_ids).items()
    }


def _orders(session: Session, ids: set[int]) -> dict[int, Order]:
    rows = session.scalars(select(Purchase).where(Purchase.id.in_(ids)))
    return {row.id: Order(row.id, row.number, row.ordered_at, row.objection_notice_shown) for row in rows}


def _entries(session: Session, ids: set[int]) -> dict[int, Objected]:
    rows = session.scalars(select(SuppressionEntry).where(SuppressionEntry.id.in_(ids)))
    return {row.id: Objected(row.id, row.cause.value, row.at, row.source, row.purpose) for row in rows}


def _lists(session: Session, versions: set[int | None]) -> dict[int, ListState]:
    rows = session.scalars(select(ListVersion).where(ListVersion.id.in_(versions - {None})))
    return {
        row.id: ListState(row.list_id, row.id, row.published_at, row.records, row.sha256.hex()) for row in rows
    }  # fmt: skip
