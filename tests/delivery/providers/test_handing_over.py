"""Handing mails to providers: the documented request leaves, and every ending is what it means for the mail."""

import socket
from datetime import UTC, datetime

import httpx2
import pytest

from delivery.compose import From, Letter, compose
from delivery.providers.aws_signature import signed_headers
from delivery.providers.known import PROVIDERS
from delivery.providers.naming import name_of, named
from delivery.providers.protocol import Account
from delivery.providers.way import HttpWay
from delivery.smtp import Accepted, Deferred, NotAttempted, Phase, Refused, Unknown
from templates import Quoted
from tests.delivery.posting import Table
from tests.delivery.providers.accounts import CASES, raw_of
from tests.delivery.providers.service import Reply, serving

SHOP = From(name="Shop, Wien", address="news@shop.example", return_domain="bounce.shop.example")
# A busy machine may take its time to answer; only whoever never does is not waited for.
PATIENT = httpx2.Timeout(60)
HURRIED = httpx2.Timeout(60, read=0.15)
MINUTE = {"Retry-After": "60"}


def mail(number: int = 7):
    content = Quoted(subject="Grüße", html=b"<p>Hello you</p>\r\n", text=b"Hello you\r\n")
    letter = Letter(number, "Anna@mail.example", content, f"https://shop.example/u/{number}", "1:n:1:news")
    return compose(letter, sender=SHOP, at=datetime(2026, 3, 1, tzinfo=UTC))


def way_to(name: str, url: str, *, timeout: httpx2.Timeout = PATIENT, **options) -> HttpWay:
    account = Account(url, CASES[name].settings, "s3cret")
    return HttpWay(PROVIDERS[name], account, timeout=timeout, **options)


def handed(name: str, *replies: Reply, mails: int = 1, **options):
    """The outcomes of so many mails, what the provider was asked, and whether it is left alone afterwards."""
    table = Table([mail(number) for number in range(mails)])
    with serving(*replies) as service:
        timeout = HURRIED if any(reply.hang for reply in replies) else PATIENT
        way = way_to(name, service.url, timeout=timeout, **options)
        way.run(table)
        way.close()
    return table, service.asked, way.away


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_mail_is_handed_over_as_the_provider_documents(home, name):
    case = CASES[name]
    table, (asked,), away = handed(name, case.accepted)
    assert isinstance(table.outcomes[0], Accepted)
    assert away is None
    assert asked.path == case.path
    assert case.signed_in(asked)
    recipient, given = case.read(asked)
    assert recipient == "Anna@mail.example"
    assert named(given) == 0
    assert table.noted[0] == "begun 0"


@pytest.mark.parametrize("name", [name for name, one in PROVIDERS.items() if one.takes_raw])
def test_our_own_mime_goes_out_unchanged(home, name):
    _, (asked,), _ = handed(name, CASES[name].accepted)
    assert raw_of(asked) == mail(0).content


ENDINGS = {
    "refused": ("refused", Refused, False, 0),
    "no key": ("unauthorised", NotAttempted, True, 0),
    "too many": (Reply(429, {"message": "slow down"}, MINUTE), Deferred, True, 60),
    "broken": (Reply(500, {"message": "sorry"}), Deferred, True, 0),
    "busy": (Reply(503, None, {"Retry-After": "nonsense"}), Deferred, True, 0),
    "behind a gateway": (Reply(504), Unknown, False, 0),
    "no answer": (Reply(hang=0.4), Unknown, False, 0),
    "unreadable": (Reply(413, "too large"), Refused, False, 0),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_every_ending_is_what_it_means(home, name, ending):
    reply, kind, rests, after = ENDINGS[ending]
    said = reply if isinstance(reply, Reply) else getattr(CASES[name], reply)
    table, asked, away = handed(name, said)
    assert type(table.outcomes[0]) is kind
    assert len(asked) == 1
    assert (away is not None) is rests
    assert getattr(table.outcomes[0], "after", 0) == after
    assert (away.seconds if away else 0) == after
    if ending == "refused" and name != "ses":
        assert table.outcomes[0].phase is Phase.RCPT
    assert "s3cret" not in repr((table.outcomes, away))


def test_no_mail_is_given_twice_and_no_answer_is_lost(home):
    table, asked, _ = handed("postmark", CASES["postmark"].accepted, mails=40, requests=4)
    assert len(table.outcomes) == len(asked) == 40
    assert sorted(table.noted) == sorted(f"begun {number}" for number in range(40))


def test_a_provider_that_turns_us_away_is_asked_no_more(home):
    table, asked, away = handed("brevo", CASES["brevo"].unauthorised, mails=40, requests=4)
    assert len(asked) <= 8
    assert {type(one) for one in table.outcomes.values()} == {NotAttempted}
    assert table.drawn == len(asked)
    assert "Key not found" in away.said


def test_what_cannot_be_noted_does_not_leave(home):
    table = Table([mail()], may_leave=lambda: False)
    with serving(CASES["ses"].accepted) as service:
        way_to("ses", service.url).run(table)
    assert type(table.outcomes[0]) is NotAttempted
    assert service.asked == []


def test_nobody_there_blames_no_mail(home):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    table = Table([mail(1), mail(2)])
    way = way_to("postal", f"http://127.0.0.1:{port}", requests=1)
    way.run(table)
    assert type(table.outcomes[0]) is NotAttempted
    assert table.drawn == 1
    assert "ConnectError" in way.away.said


def test_brevo_gets_the_same_key_at_every_attempt_and_says_that_it_knows_it(home):
    known = Reply(400, {"code": "duplicate_request", "message": "known"})
    _, first, _ = handed("brevo", CASES["brevo"].accepted)
    table, second, _ = handed("brevo", known)
    keys = {one.document["headers"]["idempotencyKey"] for one in (*first, *second)}
    assert len(keys) == 1
    assert type(table.outcomes[0]) is Unknown


@pytest.mark.parametrize(
    "text", ["", "x", "7.aaaaaaaaaaaaaaaaaaaa@shop.example", "b+7.aaaaaaaaaaaaaaaaaaaa@shop.example", None, 7]
)
def test_only_names_that_we_made_name_a_message(home, text):
    assert named(text) is None
    assert named(name_of(mail(12))) == 12
    assert named(f"<{name_of(mail(12)).upper()}>") == 12
    assert named(name_of(mail(12)).replace("12.", "13.", 1)) is None


def test_requests_to_amazon_are_signed_as_amazon_documents():
    """The example `post-vanilla` of Amazon's test suite for Signature Version 4."""
    headers = signed_headers(
        url="https://example.amazonaws.com/",
        body=b"",
        key_id="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",  # noqa: S106 - it is public
        region="us-east-1",
        service="service",
        at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    expected = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    assert headers["Authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={expected}")
