"""Who is alone in an audience is the first and the last of it, and is looked up like everybody else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Endpoint, RecipientChoice
from core.db import transaction
from suppression import Cause, Question, RuleSettings, activate, assess
from suppression.models import ListHit
from suppression.rule_settings import Cap, RequiredList, months_before
from tests.suppression.people import Person, buys, consents, person
from tests.suppression.test_edges import DAY, NOW, entry, sent, version_of

SETTINGS = RuleSettings(
    caps=(Cap(messages=2, days=7),), required_lists=(RequiredList(list_id="at.ecg.file", countries=("AT",)),)
)


def _chose(session: Session, who: Person, **choice: object) -> None:
    session.add(RecipientChoice(address_id=who.address_id, **choice))


def _listed(session: Session, who: Person) -> None:
    version = version_of(session, "at.ecg.file", NOW - DAY)
    session.add(ListHit(address_id=who.address_id, version_id=version, by_domain=False))


def _capped(session: Session, who: Person) -> None:
    sent(session, who, NOW - DAY, messages=2)


def _enough(session: Session, who: Person) -> None:
    _chose(session, who, most_per_month=1)
    sent(session, who, NOW - 20 * DAY)


FACTS: dict[str, tuple[str, int, str, Callable[[Session, Person], object]]] = {
    "nothing": ("DE", 1, "consent", lambda _session, _who: None),
    "objection": ("DE", 1, "opted_out", lambda session, who: entry(session, who, Cause.OPTED_OUT)),
    "order": ("DE", 0, "existing_customer", lambda session, who: buys(session, who, number="1", ordered_at=NOW - DAY)),
    "use": ("DE", 20, "consent", lambda session, who: sent(session, who, NOW - DAY)),
    "listing": ("AT", 1, "robinson_listed", _listed),
    "pause": ("DE", 1, "paused", lambda session, who: _chose(session, who, paused_until=NOW + timedelta(seconds=1))),
    "topic": ("DE", 1, "topic_off", lambda session, who: _chose(session, who, topics_off=["hiking"])),
    "cap": ("DE", 1, "frequency_capped", _capped),
    "wish": ("DE", 1, "frequency_capped", _enough),
}


@pytest.mark.parametrize("topic", [None, "hiking"])
def test_each_thing_that_is_known_about_the_only_recipient_counts(database: str, topic: str | None) -> None:
    with transaction() as session:
        activate(session, SETTINGS, actor="test")
        people = {}
        for name, (country, months, _code, tell) in FACTS.items():
            who = people[name] = person(session, f"{name}@one.example", country=country)
            if months:
                consents(session, who, confirmed_at=months_before(NOW, months))
            tell(session, who)
        session.flush()
        for name, who in people.items():
            audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
            alone = audience.where(Endpoint.address_id == who.address_id)
            question = Question("email", "newsletter", 1, topic=topic)
            rows = assess(session, audience=alone, question=question, as_of=NOW).rows
            expected = "consent" if (name, topic) == ("topic", None) else FACTS[name][2]
            assert session.scalars(select(rows.c.code)).all() == [expected], name
