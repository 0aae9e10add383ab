"""Mails are written ahead in the order of their batch, never too many; one that cannot be written loses no other."""

from dataclasses import replace

import pytest

from contacts.models import TrackingLevel
from core import clock
from delivery.compose import From
from delivery.dkim import Signer
from delivery.multi_buffer import LANES
from delivery.outgoing import AHEAD, TOGETHER, Outgoing
from delivery.recipients import Matter, Recipient
from delivery.smtp import Mail
from delivery.states import RunKind
from tests.delivery.sending import WORDS, campaign, rows
from tests.delivery.test_multi_buffer import KEY, Library, found

MATTER = Matter(
    run_id=1,
    purpose="newsletter",
    asks_again=False,
    kind=RunKind.CAMPAIGN,
    tracking=TrackingLevel.NONE,
    compiled=WORDS,
    sender=From("Shop", "shop@shop.example", "bounce.shop.example"),
    sender_id=1,
    transport_url=None,
    server_was_away=False,
    feedback_id="1:newsletter:1:shop",
    links=(1,),
)


def outgoing(many: int) -> Outgoing:
    people = {n: Recipient(n, n, 0, f"p{n}@mail.example", {}, TrackingLevel.NONE, {}) for n in range(1, many + 1)}
    return Outgoing(MATTER, people, dict.fromkeys(people, "consent"), clock.now())


def taken(batch: Outgoing) -> dict[int, str]:
    found = {}
    while one := batch.take():
        assert isinstance(one[1], Mail)
        found[one[0]] = one[1].recipient
    return found


@pytest.mark.parametrize("ahead", [0, 1, AHEAD // TOGETHER])
def test_whatever_was_written_ahead_each_message_gets_its_own_mail_in_turn(home, ahead):
    batch = outgoing(AHEAD + 10)
    for _ in range(ahead):
        assert batch.write_ahead()
    assert list(taken(batch).items()) == [(n, f"p{n}@mail.example") for n in range(1, AHEAD + 11)]
    assert not batch
    assert batch.write_ahead() is False


def test_no_more_mails_than_that_lie_ready(home):
    batch = outgoing(AHEAD + 10)
    assert [batch.write_ahead() for _ in range(AHEAD // TOGETHER + 2)] == [True] * (AHEAD // TOGETHER) + [False] * 2
    batch.take()
    assert batch.write_ahead() is False, "a mail alone would be signed alone"
    for _ in range(TOGETHER - 1):
        batch.take()
    assert batch.write_ahead() is True


def test_what_is_given_up_never_leaves_although_it_is_written(home):
    batch = outgoing(3)
    batch.write_ahead()
    batch.give_up()
    assert not batch
    assert batch.take() is None


def test_a_mail_that_cannot_be_written_stops_those_behind_it_and_not_those_before(database):
    campaign(5)
    ids = [row.id for row in rows("SELECT id FROM message ORDER BY id")]
    people = {n: Recipient(n, n, 0, "p@mail.example", {}, TrackingLevel.NONE, {}) for n in ids if n != ids[3]}
    batch = Outgoing(MATTER, people, dict.fromkeys(ids, "consent"), clock.now())
    assert list(taken(batch)) == list(ids[:3])
    assert isinstance(batch.fault, KeyError)
    assert rows("SELECT id FROM message WHERE leases_lost > 0") == [(ids[3],)]


def test_what_cannot_be_signed_stops_the_batch_behind_what_was_written_before(database):
    library = Library()
    campaign(LANES + 4)
    ids = [row.id for row in rows("SELECT id FROM message ORDER BY id")]
    people = {n: Recipient(n, n, 0, f"p{n}@mail.example", {}, TrackingLevel.NONE, {}) for n in ids}
    signing = replace(MATTER, sender=replace(MATTER.sender, signers=(Signer("shop.example", "s1", KEY),)))
    batch = Outgoing(signing, people, dict.fromkeys(ids, "consent"), clock.now())
    with found(library):
        assert batch.write_ahead()
        library.wrong_from = library.calls + 1
        assert list(taken(batch)) == list(ids[:LANES])
    assert isinstance(batch.fault, RuntimeError)
    assert rows("SELECT id FROM message WHERE leases_lost > 0") == [(ids[LANES],)]
