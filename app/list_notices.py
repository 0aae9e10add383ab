"""The mail that tells compliance that a do-not-contact list grows old, before it holds whole campaigns.

It goes through the same ledger and gate as every mail, once for each version and each state of it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Controller
from core.permissions import Role
from core.settings import settings
from core.users import User
from delivery import Notice, notice_draft, tell
from delivery.models import Sender
from suppression import ListStatus, status

_WORDS = {
    "due": {
        "en": (
            "A do-not-contact list is due",
            "The list {{ list }} can be relied on until {{ until }}. From then on it holds those whom it concerns.",
            '<a href="{{ list_url }}">See the lists</a>',
        ),
        "de": (
            "Eine Robinsonliste läuft bald ab",
            "Auf die Liste {{ list }} ist bis {{ until }} Verlass. Danach hält sie alle zurück, die sie betrifft.",
            '<a href="{{ list_url }}">Listen ansehen</a>',
        ),
    },
    "outdated": {
        "en": (
            "A do-not-contact list is too old",
            "The list {{ list }} is too old since {{ until }} and holds those whom it concerns.",
            '<a href="{{ list_url }}">See the lists</a>',
        ),
        "de": (
            "Eine Robinsonliste ist zu alt",
            "Die Liste {{ list }} ist seit {{ until }} zu alt; alle, die sie betrifft, werden zurückgehalten.",
            '<a href="{{ list_url }}">Listen ansehen</a>',
        ),
    },
}
NOTICES = {
    state: Notice(
        name=f"list_{state}",
        drafts={locale: notice_draft(locale, *words) for locale, words in languages.items()},
        texts=frozenset({"list", "until"}),
        urls=frozenset({"list_url"}),
    )
    for state, languages in _WORDS.items()
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
    message_id = tell(
        session,
        NOTICES[late.state],
        to=who.email,
        locale=who.locale,
        sender=sender,
        controller=controller,
        occurrence=(late.version or 0) * len(STATES) + STATES.index(late.state),
        values={
            "list": late.list,
            "until": f"{late.outdated_from:%Y-%m-%d %H:%M} UTC",
            "list_url": page_of(late),
        },
    )
    return 0 if message_id is None else 1
