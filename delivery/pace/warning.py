"""The mail that tells those who may resume a campaign that the brake stopped it."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts.models import Controller
from core.permissions import GRANTS, Permission
from core.sentences import Sentence
from core.settings import settings
from core.telling import told_in
from core.users import User
from delivery.models import Run, Sender
from delivery.notices import Notice, notice_draft, tell

_WORDS = {
    "en": (
        "A campaign was stopped",
        "The campaign {{ campaign }} was stopped: {{ why }}",
        "Nothing more of it is sent until somebody looks at it and resumes it with a reason.",
        '<a href="{{ campaign_url }}">See the campaign</a>',
    ),
    "de": (
        "Eine Kampagne wurde angehalten",
        "Die Kampagne {{ campaign }} wurde angehalten: {{ why }}",
        "Von ihr wird nichts mehr gesendet, bis jemand sie ansieht und mit einem Grund fortsetzt.",
        '<a href="{{ campaign_url }}">Kampagne ansehen</a>',
    ),
}
BRAKE = Notice(
    name="brake",
    drafts={locale: notice_draft(locale, *words) for locale, words in _WORDS.items()},
    texts=frozenset({"campaign", "why"}),
    urls=frozenset({"campaign_url"}),
)


def warn_of_brake(session: Session, *, run_id: int, why: Sentence) -> int:
    """Write to everybody who may resume it; answers how many mails. It goes as an answer, which no brake stops."""
    run = session.get_one(Run, run_id)
    sender = session.get_one(Sender, run.sender_id)
    controller = session.get_one(Controller, sender.controller_id)
    roles = [role for role, granted in GRANTS.items() if Permission.LAUNCH_CAMPAIGNS in granted]
    people = session.scalars(select(User).where(User.role.in_(roles), User.disabled_at.is_(None)).order_by(User.id))
    told: int = session.execute(
        text("SELECT count(*) FROM audit_event WHERE action = 'run.brake' AND object_id = :run"), {"run": str(run_id)}
    ).scalar_one()
    sent = [
        tell(
            session,
            BRAKE,
            to=who.email,
            locale=who.locale,
            sender=sender,
            controller=controller,
            # The second time that the same run is stopped is told of, too.
            occurrence=run_id * 1000 + told,
            values={
                "campaign": run.name,
                "why": told_in(why, locale=BRAKE.language(who.locale)),
                "campaign_url": f"{settings().public_url}/campaigns/{run.name}",
            },
        )
        for who in people
    ]
    return len([one for one in sent if one is not None])
