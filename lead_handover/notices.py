"""The mail that tells somebody in sales about a lead: through the same ledger and gate as every mail.

It names nobody and holds no data of the lead; who wants to know more signs in.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Controller
from core.errors import NotFound
from core.sentences import say
from core.settings import settings
from core.users import User
from delivery import Notice, notice_draft, tell
from delivery.models import Sender
from lead_handover.models import Handover, SalesPerson
from lead_handover.webhook import Answer

_WORDS = {
    "handed_over": {
        "en": (
            "A lead for you",
            "Somebody with {{ points }} points was handed to you. Please answer until {{ due_at }}:",
            '<a href="{{ lead_url }}">Open the lead</a>',
        ),
        "de": (
            "Ein Lead für Sie",
            "Ihnen wurde jemand mit {{ points }} Punkten übergeben. Bitte antworten Sie bis {{ due_at }}:",
            '<a href="{{ lead_url }}">Lead öffnen</a>',
        ),
    },
    "escalated": {
        "en": (
            "A lead waits for your answer",
            "The answer to a lead with {{ points }} points was due {{ due_at }}:",
            '<a href="{{ lead_url }}">Open the lead</a>',
        ),
        "de": (
            "Ein Lead wartet auf Ihre Antwort",
            "Die Antwort auf einen Lead mit {{ points }} Punkten war am {{ due_at }} fällig:",
            '<a href="{{ lead_url }}">Lead öffnen</a>',
        ),
    },
}
NOTICES = {
    what: Notice(
        name=f"lead_{what}",
        drafts={locale: notice_draft(locale, *words) for locale, words in languages.items()},
        texts=frozenset({"points", "due_at"}),
        urls=frozenset({"lead_url"}),
    )
    for what, languages in _WORDS.items()
}


def send_notice(session: Session, handover: Handover, *, what: str, sender_code: str) -> Answer:
    """Put the notice about a lead into the ledger. A lead without a salesperson needs none."""
    person = session.scalar(
        select(User)
        .join(SalesPerson, SalesPerson.user_id == User.id)
        .where(SalesPerson.id == handover.sales_person_id, User.disabled_at.is_(None))
    )
    if person is None:
        return Answer(heard=False, words="Nobody is assigned who could get a mail.", final=True)
    sender, controller = _sender(session, sender_code)
    message_id = tell(
        session,
        NOTICES[what],
        to=person.email,
        locale=person.locale,
        sender=sender,
        controller=controller,
        occurrence=handover.id,
        values={
            "points": f"{handover.points:g}",
            "due_at": f"{handover.due_at:%Y-%m-%d %H:%M} UTC",
            "lead_url": f"{settings().public_url}/leads/",
        },
    )
    return Answer(heard=True, words=f"Message {message_id}" if message_id else "It was written before.")


def _sender(session: Session, code: str) -> tuple[Sender, Controller]:
    whose = select(Sender, Controller).join(Controller, Controller.id == Sender.controller_id)
    found = session.execute(whose.where(Sender.code == code)).first()
    if found is None:
        raise NotFound("sender_unknown", say("There is no sender %(code)s.", code=repr(code)))
    return found[0], found[1]
