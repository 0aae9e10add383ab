"""One round of the outbox: claim, tell, settle, with no transaction open while somebody else is waited for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Channel, Company, Contact, Endpoint
from core import clock
from core.db import transaction
from core.errors import CrusoeError
from core.settings import Mode, settings
from core.users import User
from lead_handover import webhook
from lead_handover.models import Handover, Outbox, SalesPerson
from lead_handover.notices import send_notice
from lead_handover.outbox import BATCH, claim, settle
from lead_handover.sellers import target
from lead_handover.webhook import Answer


@dataclass(frozen=True)
class Call:
    """Everything that one POST needs, read before it begins."""

    url: str
    name: str
    loopback: bool
    payload: dict[str, Any]


def post_due() -> bool:
    """Post what is due. Answers whether more may be waiting."""
    with transaction() as session:
        claimed = claim(session, now=clock.now())
        prepared = [(row.id, row.attempts, row.key, _prepare(session, row)) for row in claimed]
    for outbox_id, attempts, key, ready in prepared:
        answer = ready if isinstance(ready, Answer) else _post(ready, key=key)
        with transaction() as session:
            settle(session, outbox_id=outbox_id, attempts=attempts, answer=answer, now=clock.now())
    return len(claimed) == BATCH


def _post(call: Call, *, key: str) -> Answer:
    loopback = call.loopback and settings().mode is not Mode.PRODUCTION
    return webhook.post(url=call.url, name=call.name, key=key, payload=call.payload, now=clock.now(), loopback=loopback)


def _prepare(session: Session, row: Outbox) -> Call | Answer:
    try:
        if "event" in row.body:
            return _to(session, row, event=row.body["event"], data=row.body["data"])
        handover = session.get(Handover, row.body["handover_id"])
        if handover is None:
            return Answer(heard=False, words="The lead does not exist any more.", final=True)
        # A savepoint, so that a notice that cannot be made leaves the claims of the others in place.
        with session.begin_nested():
            if row.kind == "mail":
                return send_notice(session, handover, what=row.body["what"], sender_code=row.target)
            return _call(session, row, handover)
    except CrusoeError as error:
        return Answer(heard=False, words=str(error))


def _call(session: Session, row: Outbox, handover: Handover) -> Call | Answer:
    person = _person(session, handover.contact_id)
    if person is None:
        return Answer(heard=False, words="The contact was erased.", final=True)
    data = _lead(session, handover) | {"contact": person}
    return _to(session, row, event=f"lead.{row.body['what']}", data=data)


def _to(session: Session, row: Outbox, *, event: str, data: Mapping[str, Any]) -> Call | Answer:
    receiver = target(session, row.target)
    if not receiver.active:
        return Answer(heard=False, words=f"The target {receiver.name} is switched off.")
    payload = {"type": event, "timestamp": _iso(row.created_at), "data": data}
    return Call(url=receiver.url, name=receiver.name, loopback=receiver.loopback, payload=payload)


def _lead(session: Session, handover: Handover) -> dict[str, Any]:
    lines: Any = handover.lines
    assigned = select(User.email).join(SalesPerson, SalesPerson.user_id == User.id)
    return {
        "lead_id": handover.id,
        "points": handover.points,
        "explanation": [{"points": line["points"], "words": line["words"]} for line in lines],
        "handed_over_at": _iso(handover.created_at),
        "due_at": _iso(handover.due_at),
        "assigned_to": session.scalar(assigned.where(SalesPerson.id == handover.sales_person_id)),
    }


def _person(session: Session, contact_id: int) -> dict[str, Any] | None:
    row = session.execute(
        select(
            Contact.number,
            Contact.first_name,
            Contact.last_name,
            Contact.language,
            Contact.country,
            Company.name.label("company"),
            Endpoint.value.label("email"),
        )
        .outerjoin(Company, Company.id == Contact.company_id)
        .outerjoin(Endpoint, (Endpoint.contact_id == Contact.id) & (Endpoint.channel == Channel.EMAIL))
        .where(Contact.id == contact_id)
        .order_by(Endpoint.id)
        .limit(1)
    ).first()
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - the public name of this in SQLAlchemy


def _iso(moment: datetime) -> str:
    return moment.isoformat()
