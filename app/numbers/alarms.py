"""Which numbers somebody has to look at, said in sentences; and the mail about those that cannot wait."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.numbers.reading import Numbers
from contacts.models import Controller
from core import clock
from core.permissions import GRANTS, Permission
from core.sentences import Count, Sentence, say
from core.settings import settings
from core.users import User
from delivery import Notice, notice_draft, tell
from delivery.models import Sender

# Below so many, one lost connection would be an alarm.
ENOUGH = 50
# A batch takes a second and a lease a minute: what is older is stuck.
STUCK = 180.0
SILENT = 120.0
APART = 5.0
# The journal is compared once a minute.
JOURNAL_OLD = 600.0
BACKUP_OLD = 36 * 3600.0
OUTBOX_OLD = 24 * 3600.0


@dataclass(frozen=True)
class Alarm:
    """Something that is not as it should be. `code` is stable."""

    code: str
    message: Sentence


def alarms(numbers: Numbers) -> list[Alarm]:
    """What to look at, the worst first. Pure, except for the settings."""
    return list(_found(numbers))


def _found(numbers: Numbers) -> Iterator[Alarm]:
    if numbers.journal_missing:
        yield Alarm(
            "journal_gap",
            say(
                "The journal of objections lacks %(count)s lines: after a restore these people would be written to.",
                count=Count(numbers.journal_missing),
            ),
        )
    if numbers.handed_over >= ENOUGH and numbers.unknown_rate > settings().unknown_alarm:
        yield Alarm(
            "unknown_rate",
            say(
                "Of %(count)s messages that were handed over, %(unknown)s are in doubt.",
                count=Count(numbers.handed_over),
                unknown=Count(numbers.unknown),
            ),
        )
    if max(numbers.oldest["claimed"] or 0, numbers.oldest["handing_over"] or 0) > STUCK:
        yield Alarm("stuck", say("Messages are on their way for minutes: no worker tidies up."))
    if numbers.journal_age is not None and numbers.journal_age > JOURNAL_OLD:
        yield Alarm("journal_lag", say("The journal of objections was not compared with the database for minutes."))
    if (numbers.scheduler_silent or 0) > SILENT:
        yield Alarm("scheduler_silent", say("The scheduler rings for nobody."))
    if abs(numbers.clock_offset) > APART:
        yield Alarm(
            "clock_offset",
            say(
                "The clocks of this machine and of the database are %(seconds)s s apart.", seconds=numbers.clock_offset
            ),
        )
    if (numbers.outbox_age or 0) > OUTBOX_OLD:
        yield Alarm("outbox_age", say("Another system has not taken a lead for more than a day."))
    if settings().backup_at is not None and (numbers.backup_age is None or numbers.backup_age > BACKUP_OLD):
        yield Alarm("backup_age", say("There is no backup of the last night."))


_WORDS = {
    "en": (
        "Many messages are in doubt",
        "Of {{ count }} messages that were handed over, {{ unknown }} may have arrived or not.",
        "They are not sent again by themselves.",
        '<a href="{{ doubt_url }}">See what is in doubt</a>',
    ),
    "de": (
        "Viele Nachrichten sind im Zweifel",
        "Von {{ count }} übergebenen Nachrichten können {{ unknown }} angekommen sein oder nicht.",
        "Von selbst werden sie nicht noch einmal gesendet.",
        '<a href="{{ doubt_url }}">Ansehen, was im Zweifel ist</a>',
    ),
}
DOUBT = Notice(
    name="doubt",
    drafts={locale: notice_draft(locale, *words) for locale, words in _WORDS.items()},
    texts=frozenset({"count", "unknown"}),
    urls=frozenset({"doubt_url"}),
)


def warn_of_doubt(session: Session, numbers: Numbers) -> int:
    """Write to those who may resume campaigns, once a day at most, when too much is in doubt. Answers the mails."""
    sender = session.execute(
        select(Sender, Controller).join(Controller, Controller.id == Sender.controller_id).order_by(Sender.id)
    ).first()
    if sender is None or not any(one.code == "unknown_rate" for one in alarms(numbers)):
        return 0
    roles = [role for role, granted in GRANTS.items() if Permission.LAUNCH_CAMPAIGNS in granted]
    people = session.scalars(select(User).where(User.role.in_(roles), User.disabled_at.is_(None)).order_by(User.id))
    told = [
        tell(
            session,
            DOUBT,
            to=who.email,
            locale=who.locale,
            sender=sender[0],
            controller=sender[1],
            occurrence=clock.now().date().toordinal(),
            values={
                "count": str(numbers.handed_over),
                "unknown": str(numbers.unknown),
                "doubt_url": f"{settings().public_url}/unknown",
            },
        )
        for who in people
    ]
    return sum(one is not None for one in told)
