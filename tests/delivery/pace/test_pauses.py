"""Who wants less mail gets less, and nobody else is kept waiting for it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import transaction
from delivery import OperatorRests, notes, report
from delivery.backoff import Backoff
from delivery.pace.pauses import LONGEST, Answers, Rest, after, length
from delivery.pace.signals import Signal, signal
from delivery.smtp import Accepted, Deferred, NotAttempted, Phase, Refused, Unknown
from tests.delivery.pace.sending import campaign_to, sent_to
from tests.delivery.sending import numbers, rows, worker
from tests.smtp_sink import say

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

counts = st.integers(0, 50)
answers = st.builds(Answers, accepted=counts, put_off=counts, slowed=counts, policy=counts, personal=counts)


@pytest.mark.parametrize(
    ("outcome", "attempts", "expected"),
    [
        (Accepted(Phase.DOT, 250, "ok"), 0, Signal.ACCEPTED),
        (NotAttempted(Phase.MAIL, 421, "4.3.2 closing"), 0, None),
        (Unknown(Phase.DOT, None, "closed"), 0, Signal.UNKNOWN),
        (Deferred(Phase.RCPT, 421, "4.7.28 unusual rate of unsolicited mail"), 0, Signal.SLOWED),
        (Deferred(Phase.MAIL, 421, "closing transmission channel"), 0, Signal.SLOWED),
        (Deferred(Phase.RCPT, 451, "4.7.650 temporarily rate limited due to IP reputation"), 0, Signal.SLOWED),
        (Deferred(Phase.RCPT, 451, "4.7.1 your reputation is low"), 0, Signal.SLOWED),
        (Deferred(Phase.RCPT, 452, "4.5.3 too many recipients"), 0, Signal.SLOWED),
        # Greylisting in its many words is about one first meeting.
        (Deferred(Phase.RCPT, 451, "4.7.1 Greylisted, see http://help.example"), 3, Signal.PERSONAL),
        (Deferred(Phase.RCPT, 450, "4.7.1 try again later"), 0, Signal.PERSONAL),
        (Deferred(Phase.RCPT, 450, "4.2.0 come back"), 0, Signal.PERSONAL),
        (Deferred(Phase.RCPT, 450, "4.2.0 come back"), 1, Signal.PUT_OFF),
        (
            Deferred(Phase.RCPT, 450, "4.2.1 user is receiving mail at a rate that prevents delivery"),
            1,
            Signal.PERSONAL,
        ),
        (Deferred(Phase.RCPT, 452, "4.2.2 over quota"), 2, Signal.PERSONAL),
        # An account with a provider is no operator of mailboxes.
        (Deferred(Phase.DOT, 429, "slow down"), 1, Signal.PERSONAL),
        (Deferred(Phase.DOT, 503, "unavailable"), 1, Signal.PERSONAL),
        (Refused(Phase.RCPT, 550, "5.1.1 no such user"), 0, Signal.HARD),
        (Refused(Phase.DOT, 550, "5.7.1 listed at a block list"), 0, Signal.POLICY),
        (Refused(Phase.RCPT, 552, "5.2.2 mailbox full"), 0, Signal.PERSONAL),
    ],
)
def test_an_answer_counts_as_what_it_is_about(outcome, attempts, expected):
    assert signal(outcome, attempts=attempts) is expected


@given(answers=answers)
def test_an_operator_rests_only_when_enough_answers_say_so(answers):
    rest = after(answers, rest=Rest(), now=NOW)
    if rest.steps:
        assert rest.until == NOW + MINUTE
        assert answers.slowed + answers.policy >= 2 or answers.put_off >= 10
        assert (answers.slowed + answers.policy + answers.put_off) * 10 >= answers.tried
    else:
        assert rest == Rest()


@given(personal=counts, accepted=counts)
def test_greylisting_never_lets_an_operator_rest(personal, accepted):
    assert after(Answers(accepted=accepted, personal=personal), rest=Rest(), now=NOW) == Rest()


@given(batches=st.lists(st.tuples(answers, st.integers(0, 20_000)), max_size=30))
def test_rests_grow_and_are_forgotten_one_by_one(batches):
    rest, now = Rest(), NOW
    for found, seconds in batches:
        now += timedelta(seconds=seconds)
        later = after(found, rest=rest, now=now)
        if rest.until is not None and rest.until > now:
            assert later == rest
        assert abs(later.steps - rest.steps) <= 1
        if later.steps > rest.steps or (later.until or NOW) > now:
            assert length(later.steps) >= length(rest.steps)
        assert later.until is None or later.until <= now + LONGEST or later == rest
        if later.steps < rest.steps:
            assert found.accepted
            assert rest.until is None or now - rest.until >= length(rest.steps)
        rest = later


def test_a_server_that_names_a_time_gets_it():
    slowed = Answers(slowed=5, asked=timedelta(minutes=30))
    assert after(slowed, rest=Rest(), now=NOW).until == NOW + timedelta(minutes=30)
    assert after(slowed, rest=Rest(steps=9), now=NOW).until == NOW + LONGEST


def less_from(domain: str, text: str = "4.7.28 too much mail from you, ann@b.example"):
    return lambda verb, recipient, _: say(421, text) if verb == "RCPT" and recipient.endswith(domain) else None


def test_one_operator_rests_and_all_others_get_their_mail(listen):
    listen(less_from("gmail.com"))
    run_id = campaign_to({"gmail.com": 20, "web.de": 20, "shop.example": 20})
    worker(backoff=Backoff(first=60)).run()
    assert sent_to() == {"other": 20, "united_internet": 20}
    (rest,) = rows("SELECT pauses, paused_until > clock_timestamp() + interval '40 seconds' AS later FROM pace")
    assert rest == (1, True)
    tried = rows("SELECT sum(attempts) FROM message WHERE operator = 1")[0][0]
    with transaction() as session:
        (note, *_) = notes(session, run_id=run_id, numbers=report(session, run_id=run_id))
    assert isinstance(note, OperatorRests)
    assert (note.operator, note.messages) == ("Gmail", 20)
    assert note.said == "421 4.7.28 too much mail from you, …"
    # While it rests nothing is tried, though messages are due again; afterwards it goes on, and the rest is forgotten.
    rows("UPDATE message SET not_before = clock_timestamp() WHERE state = 'ready' RETURNING 1")
    worker().run()
    assert rows("SELECT sum(attempts) FROM message WHERE operator = 1")[0][0] == tried
    rows("UPDATE pace SET paused_until = clock_timestamp() - interval '2 minutes' RETURNING 1")
    listen()
    worker().run()
    assert numbers(run_id) == {"audience": 60, "sent": 60}
    assert rows("SELECT pauses, paused_text FROM pace") == [(0, None)]


def test_a_small_domain_that_wants_less_rests_alone(listen):
    listen(less_from("shop.example"))
    campaign_to({"shop.example": 20, "b.example": 20, "c.example": 20})
    worker(backoff=Backoff(first=60)).run()
    assert sent_to() == {"other": 40}
    (learned,) = rows("SELECT id, code FROM mail_operator WHERE learned_at IS NOT NULL")
    assert learned == (1000, "shop.example")
    assert rows("SELECT DISTINCT operator FROM message WHERE state = 'ready'") == [(1000,)]
    assert rows("SELECT operator, planned FROM run_share ORDER BY 1") == [(0, 40), (1000, 20)]
    assert rows("SELECT operator FROM pace WHERE paused_until > clock_timestamp()") == [(1000,)]
    # The next campaign knows it from the start.
    campaign_to({}, code="two")
    assert rows("SELECT planned FROM run_share WHERE run_id = 2 AND operator = 1000") == [(20,)]


def test_greylisting_holds_up_nobody(listen):
    met = set()

    def greylist(verb, recipient, _count):
        if verb != "RCPT" or recipient in met:
            return None
        met.add(recipient)
        return say(451, "4.7.1 try again later")

    listen(greylist)
    run_id = campaign_to({"gmail.com": 15, "shop.example": 15})
    sender = worker()
    while numbers(run_id).get("sent") != 30:
        sender.run()
    assert rows("SELECT count(*) FROM pace") == [(0,)]
