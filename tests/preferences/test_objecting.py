"""Many who object in one moment are stored in one go, and nobody waits for somebody else's lock."""

import threading
from dataclasses import replace

from sqlalchemy import select, text

from contacts.models import Address
from core.db import transaction
from core.evidence import verify
from preferences.objecting import Fate, Scope, heard, note, store
from preferences.visits import Visit
from suppression import journal
from tests.delivery.sending import rows
from tests.preferences import scene
from tracking import Purpose, read_message_token

VISIT = Visit(ip="198.51.100.7", user_agent="Mozilla/5.0")


def _objection(name: str):
    token = read_message_token(Purpose.UNSUBSCRIBE, scene.mail_to(name)[Purpose.UNSUBSCRIBE])
    return heard(token, scope=Scope.LIST, through="one_click", visit=VISIT)


def test_many_objections_are_stored_in_one_go_and_those_of_locked_addresses_hold_up_nobody(client):
    ann, bob, cem, dan = (_objection(name) for name in ("ann", "bob", "cem", "dan"))
    everything = replace(ann, scope=Scope.EVERYTHING)
    nobody = replace(ann, token=ann.token._replace(address_id=10**9))
    with transaction() as session:
        session.scalar(select(Address.id).where(Address.id == bob.token.address_id).with_for_update(read=True))
        stored = store([ann, bob, cem, ann, everything, nobody])
    fates = [each.fate for each in stored]
    assert fates == [Fate.NEW, Fate.LOCKED, Fate.NEW, Fate.KNOWN, Fate.NEW, Fate.UNKNOWN]
    assert [each.is_quiet for each in stored] == [True, False, True, True, True, False]
    assert [each.fate for each in store([ann, bob, everything])] == [Fate.KNOWN, Fate.NEW, Fate.KNOWN]
    assert len(list(journal.read())) == 4
    before = rows("SELECT count(*) AS n FROM evidence_batch")[0].n
    note([each.objection for each in (stored[0], stored[2], *store([dan]))])
    # One seal for all three, and who it was is kept for each of them.
    assert rows("SELECT count(*) AS n FROM evidence_batch")[0].n == before + 1
    assert rows("SELECT count(DISTINCT evidence->>'particulars') AS n FROM consent_event WHERE step = 'withdrawn'") == [
        (3,)
    ]
    assert rows("SELECT count(*) FROM event WHERE kind = 'unsubscribe'") == [(3,)]
    with transaction() as session:
        assert verify(session) == []


def test_a_crowd_at_the_door_ends_with_one_entry_and_one_withdrawal_each(client):
    tokens = [scene.mail_to(f"p{number}")[Purpose.UNSUBSCRIBE] for number in range(12)] * 2
    answers: list[int] = []

    def press(token: str) -> None:
        answer = client.application.test_client().post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
        answers.append(answer.status_code)

    threads = [threading.Thread(target=press, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 24
    with transaction() as session:
        for table in ("suppression_entry", "event", "consent_event WHERE step = 'withdrawn'"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 12
        assert session.scalar(text("SELECT count(*) FROM consent WHERE withdrawn_at IS NULL")) == 0
        assert verify(session) == []
