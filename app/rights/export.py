"""Everything that is held about one person, as one document and as a page to print (Art. 15 and 20 GDPR)."""

from typing import Any

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from app.evidence.messages import contents, messages
from app.evidence.paper import on_paper
from app.evidence.printed import printed
from app.rights.kinds import KINDS
from app.rights.subject import DataSubject
from contacts.models import Controller
from core import audit, clock
from core.retention import terms
from delivery.models import Sender, Transport
from lead_handover.models import WebhookTarget
from preferences import everything
from segments import members
from segments.models import Segment
from suppression import restricted

# What the person gave us or what was observed, and not what was made of it: this may be taken to somebody else.
PORTABLE = ("address", "person", "orders", "consents", "choices", "messages", "events")


def document(session: Session, who: DataSubject, *, actor: str) -> dict[str, Any]:
    """All of it by subject, in a fixed number of queries an address; that it was made stands in the audit log."""
    audit.record(
        session,
        actor=actor,
        action="person.export",
        object_type="address",
        object_id=who.address_id,
        contact_id=who.contact_id,
        rows=1,
    )
    sent = [one for address_id in who.address_ids for one in messages(session, address_id=address_id)]
    held = everything(session, address_id=who.address_id, contact_id=who.contact_id, address=who.address)
    others = [
        everything(session, address_id=address_id, contact_id=None, address=None)
        for address_id in who.address_ids
        if address_id != who.address_id
    ]
    return {
        "made_at": clock.now(),
        "made_by": actor,
        "controllers": _controllers(session),
        **held,
        "other_addresses": others,
        "restricted": who.contact_id is not None and restricted(session, who.contact_id),
        "segments": _segments(session, who),
        "messages": sent,
        "contents": contents(session, {one["content_sha256"] for one in sent}),
        "recipients": _recipients(session),
        "retention": [
            {"kind": KINDS[code].title, "days": days, "why": KINDS[code].why} for code, days in terms(session).items()
        ],
    }


def portable(found: dict[str, Any]) -> dict[str, Any]:
    """What the person may take to somebody else (Art. 20 GDPR), of what `document` answered."""
    return {name: found[name] for name in PORTABLE}


def as_page(found: dict[str, Any], *, locale: str) -> bytes:
    """The document as a page to read and to print."""
    return printed("person", locale=locale, found=found)


def as_pdf(found: dict[str, Any], *, locale: str) -> bytes:
    """The same page as PDF."""
    return on_paper(as_page(found, locale=locale), at=found["made_at"])


def _segments(session: Session, who: DataSubject) -> list[dict[str, Any]]:
    """The segments that the person is in now, in one query."""
    saved = session.execute(select(Segment.code, Segment.name).order_by(Segment.code)).all()
    if who.contact_id is None or not saved:
        return []
    asked = []
    for row in saved:
        found = members(session, row.code).subquery()
        asked.append(select(literal(row.code).label("code")).where(found.c.contact_id == who.contact_id))
    inside = set(session.scalars(union_all(*asked)))
    return [{"code": row.code, "name": row.name} for row in saved if row.code in inside]


def _controllers(session: Session) -> list[dict[str, Any]]:
    rows = session.scalars(select(Controller).order_by(Controller.id))
    return [{"name": row.name, "imprint": row.imprint, "country": row.country} for row in rows if row.imprint]


def _recipients(session: Session) -> list[dict[str, Any]]:
    """To whom data go: the servers that carry mail and the systems that are told of leads, by name."""
    told = session.scalars(select(WebhookTarget).where(WebhookTarget.active).order_by(WebhookTarget.id))
    mail = [{"to": carrier, "what": "e-mail", "for": address} for carrier, address in carriers(session)]
    return mail + [{"to": host_of(row.url), "what": "leads", "for": row.name} for row in told]


def carriers(session: Session) -> list[tuple[str, str]]:
    """Who carries or carried mail, and from which address: every transport of a sender, else its one server."""
    rows = session.execute(
        select(Sender.from_address, Sender.transport_url, Transport.kind, Transport.url)
        .outerjoin(Transport, Transport.sender_id == Sender.id)
        .order_by(Sender.id, Transport.id)
    )
    return [(_carrier(row), row.from_address) for row in rows]


def _carrier(row: Any) -> str:
    if row.kind is None:
        return host_of(row.transport_url)
    host = host_of(row.url) if row.url else ""
    return " ".join(part for part in (row.kind if row.kind != "smtp" else "", host) if part)


def host_of(url: str | None) -> str:
    """The server of a URL, without the user name and password that may stand in it."""
    from urllib.parse import urlsplit

    from core.settings import settings

    return urlsplit(url or settings().transport_url).hostname or ""
