"""Calls of providers: only signed, fresh and new ones about a mail of ours count, and each counts once."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from core.db import transaction
from delivery import Call, Forged, TransportPlan, hook_of, mail_id, news, opt_outs, save_transport, take_in_call
from delivery.providers import ses
from delivery.providers.known import PROVIDERS
from delivery.providers.protocol import Account
from delivery.providers.signatures import public_key
from tests.delivery.providers.calls import CALLERS, SILENT, TOPIC, Event, certificate, fetched, printed, rsa_key, sns
from tests.delivery.sending import campaign, rows, worker
from tracking import Purpose, read_message_token

LONG_AGO = timedelta(hours=26)
KINDS = {
    "delivered": "delivered",
    "soft": "soft_bounce",
    "policy": "soft_bounce",
    "hard": "hard_bounce",
    "complaint": "complaint",
    "unsubscribe": "unsubscribe",
}


def name_of(number: int) -> str:
    return mail_id(message_id=number, domain="shop.example").strip("<>")


def as_call(signed, *, now: datetime | None = None) -> Call:
    headers, body = signed
    return Call({key.lower(): value for key, value in headers.items()}, body, now or datetime.now(UTC))


def ears(name: str):
    """How a provider is heard, without asking Amazon for its certificate."""
    return partial(ses.hear, fetch=fetched) if name == "ses" else PROVIDERS[name].hear


def heard(name: str, signed):
    account = Account("", CALLERS[name].settings, hook_secret=CALLERS[name].hook_secret)
    return ears(name)(account, as_call(signed))


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_a_provider_tells_is_read_in_our_words(home, name):
    for kind, ours in KINDS.items():
        if (name, kind) in SILENT:
            continue
        event = Event(kind, name_of(12))
        (told,) = heard(name, CALLERS[name].call(event)).events
        assert (told.kind, told.name, told.recipient) == (ours, name_of(12), "p0@mail.example"), kind
        assert abs(told.at - event.at) < timedelta(seconds=2)


# Of these the signature stands in headers; of these it covers the body.
IN_HEADERS = frozenset(PROVIDERS) - {"mailgun", "ses"}
WHOLE = frozenset({"sendgrid", "postal", "ses"})


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_call_that_is_forged_or_changed_is_refused(home, name):
    headers, body = CALLERS[name].call(Event("hard", name_of(1)))
    assert heard(name, (headers, body)).events
    bad = [CALLERS[name].call(Event("hard", name_of(1)), forge=True), (headers, b"{"), (headers, b"\xff")]
    bad += [({}, body)] if name in IN_HEADERS else [(headers, b"{}"), (headers, b"[1]")]
    bad += [(headers, body.replace(b"p0@", b"p1@"))] if name in WHOLE else []
    for one in bad:
        with pytest.raises(Forged):
            heard(name, one)


@pytest.mark.parametrize("name", ["mailgun", "sendgrid", "postal", "ses"])
def test_a_signed_call_from_long_ago_is_refused(home, name):
    for at in (datetime.now(UTC) - LONG_AGO, datetime.now(UTC) + timedelta(hours=1)):
        with pytest.raises(Forged) as caught:
            heard(name, CALLERS[name].call(Event("delivered", name_of(1), at=at)))
        assert caught.value.code == "hook_old"


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://s3.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.pem?b",
        "https://sns.eu-central-1.amazonaws.com/a.txt",
        "https://169.254.169.254/a.pem",
        "",
    ],
)
def test_a_certificate_is_fetched_from_amazon_only(home, url):
    asked = []
    headers, body = CALLERS["ses"].call(Event("delivered", name_of(1)))
    call = as_call((headers, json.dumps(json.loads(body) | {"SigningCertURL": url}).encode()))
    account = Account("", CALLERS["ses"].settings)
    with pytest.raises(Forged):
        ses.hear(account, call, fetch=lambda address: asked.append(address) or certificate())
    assert asked == []


def test_a_call_of_another_topic_or_with_an_old_certificate_is_refused(home):
    signed = CALLERS["ses"].call(Event("delivered", name_of(1)))
    for settings, fetch in (
        ({"topic": TOPIC + "2"}, fetched),
        ({}, fetched),
        ({"topic": TOPIC}, lambda _: certificate("amazon", -1)),
        ({"topic": TOPIC}, lambda _: b"no certificate"),
    ):
        with pytest.raises(Forged):
            ses.hear(Account("", settings), as_call(signed), fetch=fetch)


def test_a_subscription_is_left_to_the_operator(home):
    asked = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "1",
        "Token": "t",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe",
        "SubscribeURL": "http://169.254.169.254/latest",
        "Timestamp": datetime.now(UTC).isoformat(),
    }
    found = heard("ses", sns(asked))
    assert found.events == ()
    assert "http://169.254.169.254/latest" in str(found.note)


def test_a_public_key_is_read_in_every_form_in_which_it_is_printed():
    key = printed(rsa_key("postal"))
    pem = f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n"
    numbers = {public_key(text).public_numbers() for text in (key, pem, f"v=DKIM1; t=s; h=sha256; p={key};")}
    assert len(numbers) == 1
    for text in ("", "p=", "x"):
        with pytest.raises(Forged):
            public_key(text)


@pytest.fixture
def sent(sink):
    """Three mails of which we know, and one of which we do not know whether it arrived; answers their numbers."""
    campaign(4)
    worker().run()
    ids = [row.id for row in rows("SELECT m.id FROM message m JOIN endpoint e USING (address_id) ORDER BY e.value")]
    rows(f"UPDATE message SET state = 'unknown' WHERE id = {ids[3]} RETURNING 1")
    return ids


def transport(name: str):
    caller = CALLERS[name]
    plan = TransportPlan(
        code=f"t-{name}",
        sender="news",
        kind=name,
        url="https://postal.example" if name == "postal" else "",
        settings=caller.settings,
        secret="s3cret",  # noqa: S106 - of a test
        hook_secret=caller.hook_secret,
    )
    with transaction() as session:
        save_transport(session, plan=plan)
        hook = hook_of(session, kind=name, code=f"t-{name}")
    return replace(hook, provider=replace(hook.provider, hear=ears(name)))


def taken(hook, *events: Event, now: datetime | None = None):
    """Take in one call for each event."""
    name, found = hook.provider.name, []
    for event in events:
        call = as_call(CALLERS[name].call(event), now=now)
        with transaction() as session:
            found.append(take_in_call(session, hook, hook.hear(call), now=call.now))
    return [(one.taken, one.known, one.old, one.foreign) for one in found]


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_follows_from_a_call_follows_once(sent, name):
    hook = transport(name)
    hard = Event("hard", name_of(sent[0]), "p0@mail.example", "1")
    policy = Event("policy", name_of(sent[1]), "p1@mail.example", "2")
    arrived = Event("delivered", name_of(sent[3]), "p3@mail.example", "3")
    assert taken(hook, hard, hard, policy, arrived) == [(1, 0, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0)]
    (entry,) = rows("SELECT cause, address_id, evidence FROM suppression_entry")
    (first,) = rows(f"SELECT address_id FROM message WHERE id = {sent[0]}")
    assert (entry.cause, entry.address_id, entry.evidence["message_id"]) == ("hard_bounce", first.address_id, sent[0])
    kinds = dict(rows("SELECT kind::text, count(*) FROM event WHERE kind <> 'sent' GROUP BY 1"))
    assert kinds == {"bounce": 1, "soft_bounce": 1}
    assert rows("SELECT state::text FROM message WHERE state <> 'sent'") == [("resolved_sent",)]
    assert rows("SELECT called_at IS NOT NULL FROM transport") == [(True,)]


def test_complaints_opt_outs_and_what_is_not_ours(sent):
    hook = transport("mailjet")
    complaint = Event("complaint", name_of(sent[0]), "somebody.else@mail.example", "1")
    stranger = Event("hard", "7.aaaaaaaaaaaaaaaaaaaa@shop.example", "p1@mail.example", "2")
    forwarded = Event("hard", name_of(sent[1]), "forwarded@elsewhere.example", "3")
    late = Event("hard", name_of(sent[2]), "p2@mail.example", "4", at=datetime.now(UTC) - LONG_AGO)
    told = taken(hook, complaint, stranger, forwarded, late)
    assert told == [(1, 0, 0, 0), (0, 0, 0, 1), (1, 0, 0, 0), (0, 0, 1, 0)]
    assert rows("SELECT cause FROM suppression_entry") == [("complaint",)]
    wish = as_call(CALLERS["mailjet"].call(Event("unsubscribe", name_of(sent[2]), "p2@mail.example", "5")))
    said = hook.hear(wish)
    with transaction() as session:
        (token,) = opt_outs(session, news(session, hook, said, now=wish.now))
        assert read_message_token(Purpose.UNSUBSCRIBE, token).message_id == sent[2]
        take_in_call(session, hook, said, now=wish.now)
        assert opt_outs(session, news(session, hook, said, now=wish.now)) == []


def test_a_token_of_mailgun_opens_the_door_once_whatever_comes_with_it(sent):
    """Only time and token are signed: whoever saw one call could put another body around them."""
    hook = transport("mailgun")
    first = Event("complaint", name_of(sent[0]))
    other = replace(first, kind="hard", name=name_of(sent[1]), recipient="p1@mail.example")
    assert taken(hook, first, other) == [(1, 0, 0, 0), (0, 1, 0, 0)]
    assert rows("SELECT cause FROM suppression_entry") == [("complaint",)]
