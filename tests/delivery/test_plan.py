"""An audience on record: everybody once, with the decision, in chunks that can be cut and repeated."""

import pytest
from sqlalchemy import text

from contacts.models import TrackingLevel
from core import clock
from core.db import transaction
from core.errors import NotFound
from delivery import finish_if_done, open_run, plan
from suppression import Cause, add
from tests.delivery.sending import WORDS, everyone, names, numbers, rows, write_down
from tests.factories import people, sender


def opened(session) -> int:
    return open_run(
        session,
        name="autumn",
        sender_id=sender(session).id,
        purpose="newsletter",
        tracking=TrackingLevel.NONE,
        compiled=WORDS,
    )


def test_everybody_is_on_record_with_a_reason(database):
    with transaction() as session:
        good = people(session, names(10))
        people(session, ["nobody"], consent=False)
        people(session, ["vienna"], country="AT")
        add(session, address_id=good["p3"], cause=Cause.OPTED_OUT, at=clock.now(), source="test")
        run_id = opened(session)
    write_down(run_id)
    assert numbers(run_id) == {"audience": 12, "in_flight": 9, "held": 1, "blocked": 2}
    decided = rows(
        "SELECT m.state::text, d.reasons[1] FROM message m JOIN decision d ON d.message_id = m.id"
        " WHERE m.state <> 'ready' ORDER BY 1, 2"
    )
    assert decided == [("blocked", "no_basis"), ("blocked", "opted_out"), ("held", "list_outdated")]
    assert rows("SELECT count(*) FROM decision") == [(12,)]


def test_chunks_grow_and_cover_everything_once(database):
    with transaction() as session:
        people(session, names(3000))
        # Gaps, as deleted people leave them.
        session.execute(text("DELETE FROM endpoint WHERE id % 3 = 0"))
        run_id = opened(session)
    written = []
    done = False
    while not done:
        with transaction() as session:
            step = plan(session, run_id=run_id, audience=everyone(), limit=1200)
        written.append(step.rows)
        done = step.done
    assert sum(written) == 2000
    assert written[0] < 1000
    assert max(written) <= 1200
    assert rows("SELECT count(*), count(DISTINCT address_id) FROM message") == [(2000, 2000)]
    with transaction() as session:
        assert plan(session, run_id=run_id, audience=everyone()).rows == 0


def test_a_cut_chunk_is_repeated_without_doubles(database):
    with transaction() as session:
        people(session, names(30))
        run_id = opened(session)
    with pytest.raises(ZeroDivisionError), transaction() as session:
        plan(session, run_id=run_id, audience=everyone())
        raise ZeroDivisionError
    assert numbers(run_id) == {}
    write_down(run_id)
    # The progress got lost, the rows did not: writing again adds nothing.
    rows("UPDATE run SET planned_at = NULL, planned_up_to = 0 RETURNING 1")
    write_down(run_id)
    assert numbers(run_id) == {"audience": 30, "in_flight": 30}


def test_an_empty_audience_is_done_at_once(database):
    with transaction() as session:
        run_id = opened(session)
        assert plan(session, run_id=run_id, audience=everyone()).done
        assert finish_if_done(session, run_id=run_id)


def test_a_run_is_not_finished_before_it_is_planned_and_sent(database):
    with transaction() as session:
        people(session, names(2))
        run_id = opened(session)
        assert not finish_if_done(session, run_id=run_id)
    write_down(run_id)
    with transaction() as session:
        assert not finish_if_done(session, run_id=run_id)


def test_a_run_whose_sums_do_not_add_up_is_not_finished(database):
    with transaction() as session:
        people(session, names(2), consent=False)
        run_id = opened(session)
    write_down(run_id)
    rows("UPDATE run SET audience = 3 RETURNING 1")
    with transaction() as session:
        assert not finish_if_done(session, run_id=run_id)


def test_a_run_that_does_not_exist_is_said_so(database):
    with pytest.raises(NotFound), transaction() as session:
        plan(session, run_id=99, audience=everyone())
