"""What comes back because of what we are is heard as at the door: by the brake, and by the operator's rest."""

from core.db import transaction
from delivery.pace.braking import fold
from delivery.pace.returning import rest_after_returns
from delivery.tasks import mind_returns, watch
from tests.delivery.pace.sending import campaign_to
from tests.delivery.returns.test_intake import address_of, bounce, came_back
from tests.delivery.sending import rows

BLOCKED = {"status": "5.7.1", "code": "smtp; 550 5.7.1 blocked using zen.spamhaus.org"}


def sent(domains: dict[str, int], **values: object) -> dict[str, list[int]]:
    """A run of which everything left by a relay; the messages by domain."""
    campaign_to(domains, **values)
    rows("UPDATE message SET state = 'sent', handed_over_at = clock_timestamp(), decision_id = 1 RETURNING 1")
    rows("INSERT INTO tally (run_id, operator, accepted, put_off, slowed, hard, policy, unknown, listed)"
         " SELECT run_id, operator, count(*), 0, 0, 0, 0, 0, 0 FROM message GROUP BY 1, 2 RETURNING 1")  # fmt: skip
    found: dict[str, list[int]] = {}
    for row in rows("SELECT m.id, split_part(e.value, '@', 2) AS domain FROM message AS m"
                    " JOIN endpoint AS e ON e.address_id = m.address_id ORDER BY m.id"):  # fmt: skip
        found.setdefault(row.domain, []).append(row.id)
    return found


def back(message_id: int, **values: object) -> None:
    """Bring a mail back; `campaign_to` moved the address, and not the hash by which a report is compared."""
    local = address_of(message_id).partition("@")[0]
    came_back(bounce(message_id, to=f"{local}@mail.example", **values))


def counted() -> list:
    return rows("SELECT operator, sum(accepted), sum(policy), sum(unknown) FROM tally GROUP BY 1 ORDER BY 1")


def resting() -> list[str]:
    found = rows("SELECT o.code FROM pace AS p JOIN mail_operator AS o ON o.id = p.operator"
                 " WHERE p.paused_until > clock_timestamp() ORDER BY 1")  # fmt: skip
    return [row.code for row in found]


def test_a_returned_refusal_counts_once_and_stops_the_campaign(database):
    messages = sent({"gmail.com": 20}, limits={"brake": {"after": 15}})["gmail.com"]
    for message_id in messages[:2]:
        back(message_id, **BLOCKED)
    # The same message once more, one that is only late, one that nobody sealed, and one about the person.
    back(messages[0], status="5.7.1", code="smtp; 550 5.7.1 blocked again")
    back(messages[5], action="delayed", status="4.7.0", code="smtp; 421 4.7.0 too many messages, rate limit")
    back(messages[6], seal=False, **BLOCKED)
    back(messages[7], status="4.2.2", code="smtp; 452 4.2.2 mailbox full")
    assert counted() == [(1, 18, 2, 0)]
    watch.run()
    assert rows("SELECT state FROM run WHERE kind = 'campaign'") == [("open",)]
    rows("UPDATE message SET state = 'unknown' WHERE id = :id RETURNING 1", id=messages[2])
    back(messages[2], **BLOCKED)
    assert counted() == [(1, 18, 3, -1)]
    # On the day on which it left, however late it comes back.
    rows(
        "UPDATE message SET handed_over_at = handed_over_at - interval '3 days' WHERE id = :id RETURNING 1",
        id=messages[3],
    )
    back(messages[3], **BLOCKED)
    with transaction() as session:
        fold(session)
    assert rows("SELECT accepted, policy FROM day_tally WHERE day < current_date - 1") == [(-1, 1)]
    watch.run()
    ((state, why),) = rows("SELECT state, state_reason FROM run WHERE kind = 'campaign'")
    assert (state, "refused for what we are" in why) == ("paused", True)


def test_operators_and_small_domains_rest_when_enough_comes_back(database):
    messages = sent({"gmail.com": 20, "web.de": 20, "shop.example": 4, "b.example": 30})
    for message_id in [*messages["gmail.com"][:3], *messages["shop.example"][:2], messages["web.de"][0]]:
        back(message_id, **BLOCKED)
    for message_id in messages["b.example"][:2]:
        # Two of thirty that left together are too few.
        back(message_id, **BLOCKED)
    rows("UPDATE message SET handed_over_at = (SELECT max(handed_over_at) FROM message) RETURNING 1")
    mind_returns.run()
    assert resting() == ["gmail", "shop.example"]
    (said,) = rows("SELECT paused_text FROM pace WHERE operator = 1")
    assert "zen.spamhaus.org" in said.paused_text
    # What left before the rest is over says nothing about the time after it.
    rows("UPDATE pace SET paused_until = clock_timestamp() RETURNING 1")
    with transaction() as session:
        assert rest_after_returns(session, first=60) == 0
    rows("UPDATE message SET handed_over_at = clock_timestamp() WHERE operator = 1 RETURNING 1")
    mind_returns.run()
    assert resting() == ["gmail"]
    assert rows("SELECT pauses FROM pace WHERE operator = 1") == [(2,)]
