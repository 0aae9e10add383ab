"""What is asked about one person: why something came, why something did not, and what would happen to a stranger."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import Absent, absent, find, why, why_by_id
from contacts import email_address, find_phone
from contacts.models import Controller
from core import audit
from core.errors import NotFound
from core.sentences import say
from core.users import Actor
from suppression import Found, Question, VerdictNow, current, decide_address, every_verdict_now, look_up

# A message whose fate nobody knows may have arrived.
OUT = frozenset({"sent", "unknown", "resolved_sent", "given_out"})
MOST = 200


@dataclass(frozen=True)
class Told:
    """The answer. `about` is None for a stranger, and for a telephone number (`number`), whose decisions stand here."""

    about: Found | None
    number: bool = False
    came: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[VerdictNow] = field(default_factory=list)
    absent: Absent | None = None
    stranger: list[dict[str, Any]] = field(default_factory=list)


def tell(session: Session, *, what: str, campaign: str | None, question: str, actor: Actor) -> Told:
    """Everything that answers `question` about an address, a telephone number or a hash. It is noted that it was asked.

    The audit log names the address by its id; of a stranger nothing is kept.
    """
    phone = find_phone(session, what) if what.startswith("+") else None
    about = None if phone or what.startswith("+") else look_up(session, what)
    known = phone or (about.address_id if about else None)
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="question.ask",
        object_type="address",
        object_id=known or "unknown",
        question=question,
        campaign=campaign,
    )
    asked = find(session, campaign) if campaign else None
    if known is None:
        return Told(about=None, stranger=_stranger(session, what))
    found = (why(session, address=what, campaign=campaign) if phone or (about and about.value) else
             why_by_id(session, address_id=known, campaign=campaign))[:MOST]  # fmt: skip
    return Told(
        about=about,
        number=phone is not None,
        came=[one for one in found if str(one["status"]) in OUT],
        kept=[one for one in found if str(one["status"]) not in OUT],
        verdicts=every_verdict_now(session, address_id=known),
        absent=absent(session, campaign=asked, address_id=known) if asked and not found else None,
    )


def _stranger(session: Session, what: str) -> list[dict[str, Any]]:
    """What the gate would say of an address that nobody ever heard of, for each controller. A hash tells no address."""
    if "@" not in what:
        return []
    email_address(what)
    rules = current(session)
    controllers = session.execute(select(Controller.id, Controller.name).order_by(Controller.id)).all()
    if not controllers:
        raise NotFound("controller_unknown", say("Nobody writes in this installation yet."))
    return [
        {"controller": row.name}
        | decide_address(
            session,
            address=what,
            question=Question(channel="email", purpose="newsletter", controller_id=row.id),
            rules=rules,
        )
        for row in controllers
    ]
