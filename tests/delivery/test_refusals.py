"""What refusals at the door say, by the table that reads returned mail."""

from datetime import timedelta

import pytest

from contacts.models import TrackingLevel
from core.db import transaction
from delivery import open_run
from delivery.backoff import Backoff
from delivery.refusals import meaning
from delivery.returns.kinds import ReturnClass
from delivery.smtp import Accepted, Deferred, Phase, Refused, Unknown
from suppression import entries
from tests.delivery.sending import WORDS, campaign, numbers, rows, worker, write_down
from tests.smtp_sink import on, say

HARD, SOFT, FULL, POLICY = ReturnClass.HARD, ReturnClass.SOFT, ReturnClass.MAILBOX_FULL, ReturnClass.POLICY


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Refused(Phase.RCPT, 550, "5.1.1 nobody"), HARD),
        (Refused(Phase.RCPT, 550, "5.1.10 null MX"), HARD),
        (Refused(Phase.RCPT, 550, "no such user"), HARD),
        (Refused(Phase.DOT, 550, "5.1.1 nobody"), HARD),
        (Refused(Phase.RCPT, 550, "5.1.8 bad sender"), POLICY),
        (Refused(Phase.RCPT, 550, "5.1.1 rejected: your host is listed in zen.spamhaus.org"), POLICY),
        (Refused(Phase.RCPT, 550, "5.7.1 policy"), POLICY),
        (Refused(Phase.DOT, 554, "5.7.26 unauthenticated mail is not accepted"), POLICY),
        # What is said before the recipient is named is about us, whatever its code.
        (Refused(Phase.MAIL, 550, "5.1.1 nobody"), POLICY),
        (Refused(Phase.RCPT, 552, "5.2.2 mailbox full"), FULL),
        (Refused(Phase.RCPT, 552, "quota exceeded"), FULL),
        (Deferred(Phase.RCPT, 452, "4.2.2 over quota"), FULL),
        # Not for good, so not dead.
        (Deferred(Phase.RCPT, 450, "5.1.1 nobody"), SOFT),
        (Refused(Phase.RCPT, 550, "so what"), SOFT),
        (Deferred(Phase.RCPT, 451, "4.3.2 rate limited"), POLICY),
        (Accepted(Phase.DOT, 250, "ok"), None),
        (Unknown(Phase.DOT, None, "the server closed the connection"), None),
        # Ours, not that of a server.
        (Refused(Phase.BODY, None, "a blank line in an address"), None),
        (Refused(Phase.CONNECT, 554, "5.7.1 go away"), None),
    ],
)
def test_a_refusal_means_what_the_table_says(outcome, kind):
    assert meaning(outcome) is kind


def refused(listen, text: str, code: int = 550) -> tuple[list[str], list[str]]:
    """One mail that is refused so: the causes that are noted, and the events besides `sent`."""
    listen(on("RCPT", say(code, text)))
    campaign(1)
    worker().run()
    (failed,) = rows("SELECT address_id FROM message WHERE state = 'failed'")
    with transaction() as session:
        causes = [entry.cause.value for entry in entries(session, address_id=failed.address_id)]
    return causes, [row.kind for row in rows("SELECT kind::text FROM event")]


def test_a_refusal_for_what_we_are_never_stands_against_the_person(listen):
    assert refused(listen, "5.7.1 blocked by our policy") == ([], ["soft_bounce"])


def test_a_full_mailbox_stands_against_the_address_only_when_it_adds_up(listen):
    assert refused(listen, "5.2.2 mailbox full", 552) == ([], ["soft_bounce"])
    # Two more campaigns meet the same, weeks apart; one in between failed for what we are, and does not count.
    for text, days in (("5.2.2 mailbox full", 20), ("5.7.1 policy", 12), ("5.2.2 mailbox full", 0)):
        rows("UPDATE event SET at = at - CAST(:days AS interval) RETURNING 1", days=timedelta(days=days or 4))
        listen(on("RCPT", say(552, text)))
        another()
        worker().run()
        found = rows("SELECT evidence FROM suppression_entry")
        assert bool(found) is (days == 0)
    assert found[0].evidence | {"class": "mailbox_full", "failures": 3, "rule": "full_in_words"} == found[0].evidence


def another() -> None:
    with transaction() as session:
        (sender,) = rows("SELECT id FROM sender")
        run_id = open_run(
            session, name="next", sender_id=sender.id, purpose="newsletter", tracking=TrackingLevel.NONE, compiled=WORDS
        )
    write_down(run_id)


def test_a_mailbox_that_stays_full_until_trying_ends_counts_too(listen):
    listen(on("RCPT", say(452, "4.2.2 over quota")))
    run_id = campaign(1)
    sender = worker(backoff=Backoff(first=0.001, most_attempts=2))
    while "failed" not in numbers(run_id):
        sender.run()
    assert [row.kind for row in rows("SELECT kind::text FROM event")] == ["soft_bounce"]
