"""What counts against a cap, and against a recipient's own wish: advertising of this channel that was sent by then."""

from datetime import timedelta

from sqlalchemy import delete, select

from contacts import Asked, Confirmed, confirm_consent, request_consent
from contacts.models import Channel, RecipientChoice
from core import clock
from core.db import transaction
from suppression import RuleSettings, activate, assess
from suppression.rule_settings import Cap
from tests.suppression.people import QUESTION, everybody, person
from tests.suppression.test_edges import DAY, SECOND, sent


def test_messages_of_other_channels_and_of_later_count_neither_against_a_cap_nor_against_a_wish(database: str) -> None:
    agreed = clock.now() - DAY
    # What was sent besides a newsletter of yesterday, whether that is enough now, and whether it was then.
    said = {
        "nothing": (None, {}, False, False),
        "newsletter": (timedelta(), {}, True, True),
        "survey": (timedelta(), {"purpose": "survey"}, True, True),
        "sms": (timedelta(), {"channel": Channel.SMS}, False, False),
        "answer": (timedelta(), {"purpose": "transactional"}, False, False),
        "later": (SECOND, {}, True, False),
        "long ago": (-32 * DAY, {}, False, False),
    }
    people = {}
    with transaction() as session:
        for name in said:
            who = people[name] = person(session, f"{name.replace(' ', '.')}@one.example")
            consent = request_consent(
                session, address_id=who.address_id, controller_id=1, purpose="newsletter", at=agreed,
                evidence=Asked(text_version="nl-1"),
            )  # fmt: skip
            confirm_consent(session, consent_id=consent, at=agreed, evidence=Confirmed())
    then = clock.now()
    with transaction() as session:
        for name, (shift, more, _now, _then) in said.items():
            sent(session, people[name], then - DAY)
            if shift is not None:
                sent(session, people[name], then + shift, **more)
    for limit in ("wish", "cap"):
        with transaction() as session:
            if limit == "wish":
                session.add_all(RecipientChoice(address_id=who.address_id, most_per_month=2) for who in people.values())
            else:
                session.execute(delete(RecipientChoice))
            caps = (Cap(messages=2, days=30),) if limit == "cap" else ()
            activate(session, RuleSettings(required_lists=(), caps=caps), actor="test")
        with transaction() as session:
            for known_by, place in ((None, 2), (then, 3)):
                rows = assess(
                    session, audience=everybody(), question=QUESTION, as_of=then + SECOND, known_by=known_by
                ).rows
                codes = dict(session.execute(select(rows.c.address_id, rows.c.code)).all())
                found = {name: codes[who.address_id] for name, who in people.items()}
                assert found == {name: "frequency_capped" if one[place] else "consent" for name, one in said.items()}
