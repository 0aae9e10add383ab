"""What stands behind everything else: a key, a lock and a token that hold even when code above them is wrong."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.db import transaction
from delivery.gate import Passed, gate
from tests.delivery.sending import campaign, rows
from tests.delivery.test_gate import addresses, claimed, objection
from tests.rivals import overtaken

_AGAIN = """
    INSERT INTO message (run_id, address_id, contact_id, state, not_before)
    SELECT run_id, address_id, contact_id, 'ready', now() FROM message
"""


def test_the_ledger_takes_no_second_message_of_a_run_to_one_address(database):
    campaign(1)
    with pytest.raises(IntegrityError, match="uq_message"), transaction() as session:
        session.execute(text(_AGAIN))


def test_the_gate_waits_for_an_objection_that_is_being_stored_and_then_refuses(sink):
    campaign(2)
    taken = claimed()
    who = addresses()["p0@mail.example"]
    passed = overtaken(lambda: _through_the_gate(taken), by=lambda session: objection(session, who))
    states = dict(rows("SELECT address_id, state::text FROM message"))
    assert len(passed.bases) == 1
    assert states[who] == "blocked"


def test_an_objection_waits_for_the_gate_and_then_finds_what_is_on_its_way(sink):
    campaign(1)
    taken = claimed()
    (who,) = addresses().values()
    found = overtaken(lambda: _object(who), by=lambda session: gate(session, taken))
    assert found == ["handing_over"]


def _through_the_gate(taken: object) -> Passed:
    with transaction() as session:
        return gate(session, taken)


def _object(who: int) -> list[str]:
    with transaction() as session:
        objection(session, who)
    return [row.state for row in rows("SELECT state::text FROM message")]
