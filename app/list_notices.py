"""The mail that tells compliance that a do-not-contact list grows old, before it holds whole campaigns.

It goes through the same ledger and gate as every mail, once for each version and each state of it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address, ensure_addresses
from contacts.models import Controller
from core.permissions import Role
from core.settings import settings
from core.users import User
from delivery import enqueue, standing_run
from delivery.models import Sender
from suppression import ListStatus, status
from templates import Draft, compile_notice

_STYLE = "font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#1f2937"
_WORDS = {
    ("due", "en"): (
        "A do-not-contact list is due",
        "The list {{ list }} can be relied on until {{ until }}. From then on it holds those whom it concerns.",
        "See the lists",
    ),
    ("due", "de"): (
        "Eine Robinsonliste läuft bald ab",
        "Auf die Liste {{ list }} ist bis {{ until }} Verlass. Danach werden alle zurückgehalten, die sie betrifft.",
        "Listen ansehen",
    ),
    ("outdated", "en"): (
        "A do-not-contact list is too old",
        "The list {{ list }} is too old since {{ until }} and holds those whom it concerns.",
        "See the lists",
    ),
    ("outdated", "de"): (
        "Eine Robinsonliste ist zu alt",
        "Die Liste {{ list }} ist seit {{ until }} zu alt; alle, die sie betrifft, werden zurückgehalten.",
        "Listen ansehen",
    ),
}
# A version is told of once in each of these states.
STATES = ("due", "outdated")


def warn_of_lists(session: Session, *, now: datetime) -> int:
    """Write to everybody of compliance about each required list that is due or too old; answers how many mails.

    Lists that were never loaded are no news. Without a sender nothing can be written; the pages show it all the same.
    """
    sender = session.execute(
        select(Sender, Controller).join(Controller, Controller.id == Sender.controller_id).order_by(Sender.id)
    ).first()
    late = late_lists(session, now=now)
    if sender is None or not late:
        return 0
    people = session.scalars(select(User).where(User.role == Role.COMPLIANCE, User.disabled_at.is_(None))).all()
    return sum(_write(session, who, one, sender=sender[0], controller=sender[1]) for who in people for one in late)


def late_lists(session: Session, *, now: datetime) -> list[ListStatus]:
    """The lists that must be asked and are due or too old."""
    return [one for one in status(session, as_of=now) if one.required and one.state in STATES]


def page_of(late: ListStatus) -> str:
    """Where one sees a list."""
    return f"{settings().public_url}/lists/{late.list}"


def _write(session: Session, who: User, late: ListStatus, *, sender: Sender, controller: Controller) -> int:
    email = email_address(who.email)
    message_id = enqueue(
        session,
        run_id=_run(session, state=late.state, locale=who.locale, sender=sender, controller=controller),
        address_id=ensure_addresses(session, [email])[email.key],
        occurrence=(late.version or 0) * len(STATES) + STATES.index(late.state),
        recipient=email.value,
        values={
            "list": late.list,
            "until": f"{late.outdated_from:%Y-%m-%d %H:%M} UTC",
            "list_url": page_of(late),
        },
    )
    return 0 if message_id is None else 1


def _run(session: Session, *, state: str, locale: str, sender: Sender, controller: Controller) -> int:
    language = locale if (state, locale) in _WORDS else "en"
    subject, words, link = _WORDS[state, language]
    body = f'<p style="{_STYLE}">{words}</p><p style="{_STYLE}"><a href="{{{{ list_url }}}}">{link}</a></p>'
    compiled = compile_notice(
        Draft(subject=subject, body=f"<div>{body}</div>", locale=language),
        controller=controller,
        sender=sender,
        texts=frozenset({"list", "until"}),
        urls=frozenset({"list_url"}),
    )
    name = f"list_{state}/{sender.code}/{language}"
    return standing_run(session, name=name, sender_id=sender.id, compiled=compiled)
