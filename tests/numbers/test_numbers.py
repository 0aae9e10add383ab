"""What runs, what waits and what is in doubt can be read, and what somebody must look at is said."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from app.numbers.alarms import ENOUGH, alarms, warn_of_doubt
from app.numbers.exposition import exposition
from app.numbers.reading import Numbers, read_numbers
from app.web import create_app
from core.db import transaction
from core.permissions import Role
from delivery.claim import claim
from suppression import journal_beat
from tests.campaigns.planning import somebody
from tests.delivery.sending import campaign, worker
from tests.smtp_sink import Drop, Sink, on

FINE = Numbers(
    messages={}, oldest={"ready": 1.0, "claimed": None, "handing_over": 1.0}, handed_over=1000, unknown=20,
    unknown_rate=0.02, leases_lost=0, refusals={}, opt_out_wait={"p50": None, "p99": None}, journal_age=600.0,
    journal_unwritten=0, journal_missing=0, found_by_bell=0, found_by_polling=0, outbox_age=3600.0,
    outbox_waiting=1, campaigns_late=None, scheduler_silent=10.0, clock_offset=5.0, backup_age=None,
)  # fmt: skip


def numbers():
    with transaction() as session:
        return read_numbers(session)


def change(sql):
    with transaction() as session:
        session.execute(text(sql))


def test_what_waits_what_is_in_doubt_and_what_was_refused_is_counted(database, home, monkeypatch):
    empty = numbers()
    assert (empty.messages, empty.unknown_rate, empty.oldest["ready"], empty.outbox_age) == ({}, 0.0, None, None)
    with Sink(on("DOT", Drop(taken=True), times=1)) as sink:
        monkeypatch.setenv("CRUSOE_SMTP_URL", f"{sink.url}?connections=1")
        campaign(6, transport_url=f"{sink.url}?connections=1")
        with transaction() as session:
            first = claim(session, most=1)
            assert len(first.message_ids) == 1
        change(
            "INSERT INTO suppression_entry (address_id, cause, at, source)"
            " SELECT address_id, 'opted_out', now(), 'page' FROM message WHERE state = 'ready' LIMIT 1"
        )
        sending = worker()
        while sending.step():
            pass
        sending.close()
    change("UPDATE message SET lease_until = now() - interval '5 minutes' WHERE state = 'claimed'")
    with transaction() as session:
        journal_beat(session)
    found = numbers()
    assert found.messages == {"sent": 3, "unknown": 1, "blocked": 1, "claimed": 1}
    assert (found.handed_over, found.unknown_rate, found.refusals) == (4, 0.25, {"opted_out": 1})
    assert 360 < found.oldest["claimed"] < 370
    assert abs(found.clock_offset) < 5
    assert found.journal_unwritten == 0
    assert found.journal_age is not None
    assert [one.code for one in alarms(found)] == ["stuck"]

    # Enough of them, and it is an alarm, and once a day a mail.
    with transaction() as session:
        somebody(Role.MARKETER, "marta")
        somebody(Role.SALES, "sam")
        bad = replace(found, handed_over=ENOUGH)
        assert [warn_of_doubt(session, bad), warn_of_doubt(session, bad), warn_of_doubt(session, found)] == [1, 0, 0]
    lines = exposition(found).splitlines()
    assert 'crusoe_messages{state="unknown"} 1' in lines
    assert "crusoe_unknown_rate 0.25" in lines
    assert not any("None" in line for line in lines)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"handed_over": 1000, "unknown": 21, "unknown_rate": 0.021}, "unknown_rate"),
        ({"journal_age": 601.0}, "journal_lag"),
        ({"scheduler_silent": 121.0}, "scheduler_silent"),
        ({"clock_offset": -5.1}, "clock_offset"),
        ({"outbox_age": 86401.0}, "outbox_age"),
        ({"oldest": {"ready": 9e9, "claimed": None, "handing_over": 181.0}}, "stuck"),
    ],
)
def test_each_number_that_is_out_of_bounds_is_one_alarm(home, wrong, code):
    assert alarms(FINE) == []
    assert [one.code for one in alarms(replace(FINE, **wrong))] == [code]


def test_monitoring_reads_them_with_a_token_of_this_scope_only(database, home):
    from app.api.tokens import create_token

    admin = somebody(Role.ADMIN, "ada")
    client = create_app().test_client()
    with transaction() as session:
        keys = [
            create_token(session, name=scope.replace(".", "-"), scopes=[scope], days=1, actor=admin)
            for scope in ("numbers.read", "decisions.read")
        ]
    answers = [
        client.get("/api/v1/metrics", headers={"Authorization": f"Bearer {key}"} if key else {}) for key in (*keys, "")
    ]
    assert [answer.status_code for answer in answers] == [200, 403, 401]
    assert "crusoe_handed_over 0" in answers[0].text
