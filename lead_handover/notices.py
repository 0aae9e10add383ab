"""The mail that tells somebody in sales about a lead: through the same ledger and gate as every mail.

It names nobody and holds no data of the lead; who wants to know more signs in.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address, ensure_addresses
from contacts.models import Controller
from core.errors import NotFound
from core.sentences import say
from core.settings import settings
from core.users import User
from delivery import enqueue, standing_run
from delivery.models import Sender
from lead_handover.models import Handover, SalesPerson
from lead_handover.webhook import Answer
from templates import Draft, compile_notice

_STYLE = "font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#1f2937"
_WORDS = {
    ("handed_over", "en"): (
        "A lead for you",
        "Somebody with {{ points }} points was handed to you. Please answer until {{ due_at }}:",
        "Open the lead",
    ),
    ("handed_over", "de"): (
        "Ein Lead für Sie",
        "Ihnen wurde jemand mit {{ points }} Punkten übergeben. Bitte antworten Sie bis {{ due_at }}:",
        "Lead öffnen",
    ),
    ("escalated", "en"): (
        "A lead waits for your answer",
        "The answer to a lead with {{ points }} points was due {{ due_at }}:",
        "Open the lead",
    ),
    ("escalated", "de"): (
        "Ein Lead wartet auf Ihre Antwort",
        "Die Antwort auf einen Lead mit {{ points }} Punkten war am {{ due_at }} fällig:",
        "Lead öffnen",
    ),
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
    email = email_address(person.email)
    message_id = enqueue(
        session,
        run_id=_run(session, what=what, locale=person.locale, sender_code=sender_code),
        address_id=ensure_addresses(session, [email])[email.key],
        occurrence=handover.id,
        recipient=email.value,
        values={
            "points": f"{handover.points:g}",
            "due_at": f"{handover.due_at:%Y-%m-%d %H:%M} UTC",
            "lead_url": f"{settings().public_url}/leads/",
        },
    )
    return Answer(heard=True, words=f"Message {message_id}" if message_id else "It was written before.")


def _run(session: Session, *, what: str, locale: str, sender_code: str) -> int:
    found = session.execute(
        select(Sender, Controller)
        .join(Controller, Controller.id == Sender.controller_id)
        .where(Sender.code == sender_code)
    ).first()
    if found is None:
        raise NotFound("sender_unknown", say("There is no sender %(code)s.", code=repr(sender_code)))
    sender, controller = found
    language = locale if (what, locale) in _WORDS else "en"
    subject, words, link = _WORDS[what, language]
    body = f'<p style="{_STYLE}">{words}</p><p style="{_STYLE}"><a href="{{{{ lead_url }}}}">{link}</a></p>'
    compiled = compile_notice(
        Draft(subject=subject, body=f"<div>{body}</div>", locale=language),
        controller=controller,
        sender=sender,
        texts=frozenset({"points", "due_at"}),
        urls=frozenset({"lead_url"}),
    )
    name = f"lead_{what}/{sender.code}/{language}"
    return standing_run(session, name=name, sender_id=sender.id, compiled=compiled)
