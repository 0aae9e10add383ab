"""What every page and `crusoe status` say while a quarantine stands: why, what leaves and what does not, what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from flask import Flask
from sqlalchemy.orm import Session

from core import quarantine
from core.db import transaction
from core.errors import NotReachable
from core.sentences import Sentence, say
from core.web import current_actor
from suppression import missing_lines

Answer = TypeVar("Answer")

_WHY = {
    quarantine.RESTORED: say("It was restored from a backup, and knows nothing of what happened after it."),
    quarantine.JOURNAL_AHEAD: say("Its database is older than the journal of objections: something is missing in it."),
}


@dataclass(frozen=True)
class Notice:
    """A quarantine in sentences. `backup_at`: the moment that the database is of, where it is known."""

    since: datetime
    backup_at: datetime | None
    sentences: tuple[Sentence, ...]


def notice(session: Session) -> Notice | None:
    """What is to be said, or None when there is nothing."""
    found = quarantine.standing(session)
    if found is None:
        return None
    backup = found.details.get("backup_at")
    return Notice(found.begun_at, datetime.fromisoformat(backup) if backup else None, tuple(_sentences(found)))


def _sentences(found: quarantine.Quarantine) -> Iterator[Sentence]:
    yield _WHY[found.cause]
    if found.replayed_at is None:
        yield say("No mail leaves, because people may have objected since.")
        yield say("Read the newest journal back: crusoe restore replay JOURNAL --as YOU.")
        return
    yield say("Answers to what people do leave; campaigns do not, and what they may have sent since is in doubt.")
    if found.asked_by:
        yield say(
            "%(person)s asks to go on without the whole journal; a second person from compliance must agree.",
            person=found.asked_by,
        )
    yield say("Compliance releases it: crusoe restore release --as YOU --reason WHY.")


def install(app: Flask) -> None:
    """Let the pages ask."""
    app.jinja_env.globals["quarantined"] = lambda: _for_page(notice)
    app.jinja_env.globals["journal_gap"] = lambda: _for_page(missing_lines)


def _for_page(ask: Callable[[Session], Answer | None]) -> Answer | None:
    if current_actor() is None:
        return None
    try:
        with transaction() as session:
            return ask(session)
    except NotReachable:
        # The page that says so must not fail over this.
        return None
