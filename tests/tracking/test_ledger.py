"""Exposures, counts and stories."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from core.db import transaction
from tracking import EventKind, Happening, Sending, counts, links_of_run, note_exposures, record, story
from tracking.links import store_links
from tracking.models import Event, Exposure

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def sending(address_id: int, *, hours: int = 0, basis: str = "consent", purpose: str = "newsletter") -> Sending:
    return Sending(address_id, "email", purpose, basis, NOON + timedelta(hours=hours))


def test_exposures_add_up_by_address_purpose_basis_and_day(database):
    with transaction() as session:
        note_exposures(session, [])
        note_exposures(session, [sending(1), sending(1, hours=3), sending(1, hours=20), sending(2, basis="purchase")])
        note_exposures(session, [sending(1, hours=-2)])
    with transaction() as session:
        rows = session.scalars(select(Exposure).order_by(Exposure.address_id, Exposure.day)).all()
    assert [(row.address_id, row.basis, row.day.day, row.messages, row.last_at.hour) for row in rows] == [
        (1, "consent", 20, 3, 15),
        (1, "consent", 21, 1, 8),
        (2, "purchase", 20, 1, 12),
    ]


sendings = st.lists(
    st.builds(sending, st.integers(1, 4), hours=st.integers(-30, 30), basis=st.sampled_from(["consent", "purchase"]))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.lists(sendings, max_size=4))
def test_every_sending_is_counted_once_however_they_are_cut_into_batches(database, batches):
    with transaction() as session:
        session.execute(text("TRUNCATE exposure"))
        for batch in batches:
            note_exposures(session, batch)
        total = session.scalar(text("SELECT coalesce(sum(messages), 0) FROM exposure"))
    assert total == sum(map(len, batches))


def test_a_run_counts_messages_once_and_anonymous_hits_each(database):
    hit = {"at": NOON, "run_id": 1, "verdict": "human"}
    with transaction() as session:
        links = store_links(session, 1, ["https://a.example/", "https://b.example/"])
        session.execute(
            insert(Event),
            [
                hit | {"kind": kind, "message_id": message, "verdict": verdict, "link_id": link}
                for kind, message, verdict, link in [
                    ("open", 1, "human", None), ("open", 1, "human", None), ("open", 1, "machine", None),
                    ("open", 2, "machine", None), ("open", 3, None, None),
                    ("open", None, "human", None), ("open", None, "machine", None), ("open", None, "human", None),
                    ("click", 1, "human", links[0]), ("click", 1, "human", links[1]), ("click", 2, "machine", links[0]),
                ]
            ],
        )  # fmt: skip
        session.execute(insert(Event), [hit | {"run_id": 2, "kind": "open", "message_id": 9}])
        for kind in (EventKind.UNSUBSCRIBE, EventKind.BOUNCE, EventKind.COMPLAINT, EventKind.SOFT_BOUNCE):
            record(session, kind, [Happening(NOON, 1, 1, 1), Happening(NOON, 1, 1, 1)])
        record(session, EventKind.SENT, [])
        found = counts(session, 1)
        per_link = links_of_run(session, 1)
    assert (found.opens, found.human_opens, found.clicks, found.human_clicks) == (3 + 3, 1 + 2, 2, 1)
    assert (found.unsubscribes, found.bounces, found.soft_bounces, found.complaints) == (1, 1, 1, 1)
    assert [(row["position"], row["clicks"], row["human_clicks"]) for row in per_link] == [(0, 2, 1), (1, 1, 1)]


def test_a_story_tells_the_newest_first_and_where_a_click_led(database):
    with transaction() as session:
        links = store_links(session, 1, ["https://a.example/"])
        record(session, EventKind.SENT, [Happening(NOON, 7, 1, 1), Happening(NOON, 8, 2, 1)])
        session.execute(
            insert(Event),
            [{"kind": "click", "at": NOON + timedelta(hours=1), "address_id": 7, "message_id": 1, "link_id": links[0]}],
        )
        told = story(session, address_id=7)
        assert [(moment.kind, moment.target) for moment in told] == [
            (EventKind.CLICK, "https://a.example/"),
            (EventKind.SENT, None),
        ]
        assert story(session, message_id=1) == told
        assert len(story(session, address_id=7, most=1)) == 1
