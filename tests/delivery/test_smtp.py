"""What an ending means: each misbehaviour of a server gives exactly one of five values, and no mail is sent twice."""

import socket
import ssl
from itertools import pairwise

import pytest

from core.errors import WrongInput
from delivery.smtp import (
    Accepted,
    Connection,
    Deferred,
    Exchange,
    Mail,
    NotAttempted,
    Outcome,
    Phase,
    Refused,
    Security,
    Timeouts,
    Unknown,
    server_at,
)
from delivery.smtp.envelope import has_clean_lines, is_mailbox, on_the_wire
from tests.delivery.posting import Table, send
from tests.smtp_sink import Drop, Hang, Say, Sink, on, say

# A busy machine may take its time; only for a server that says nothing at all nobody waits.
PATIENT = Timeouts(quit=0.2)
HURRIED = Timeouts(connect=0.3, command=0.3, dot=0.3, quit=0.2)


def patience(action: object) -> Timeouts:
    return HURRIED if isinstance(action, Hang) else PATIENT


CONTENT = b"From: a@shop.example\r\nMessage-ID: <1@shop.example>\r\n\r\nHello\r\n"


def mail(recipient: str = "anna@mail.example", content: bytes = CONTENT) -> Mail:
    return Mail(sender="b+1.abc@shop.example", recipient=recipient, parts=(content,))


def connection(sink: Sink, timeouts: Timeouts = PATIENT) -> Connection:
    made = Connection(server_at(sink.url), timeouts=timeouts)
    assert made.open() is None
    return made


@pytest.fixture(params=[("PIPELINING",), ()], ids=["pipelining", "lock step"])
def offers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


def test_an_accepted_mail_arrives_as_it_was_made(offers):
    with Sink(offers=offers) as sink:
        outcome = send(connection(sink), mail())
        assert isinstance(outcome, Accepted)
        assert (outcome.code, outcome.text) == (250, "2.0.0 queued")
        assert [(d.sender, d.recipient, d.content) for d in sink.taken] == [
            ("b+1.abc@shop.example", "anna@mail.example", CONTENT)
        ]


BEFORE_THE_BODY = ["MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("verb", BEFORE_THE_BODY)
@pytest.mark.parametrize(
    ("action", "kind", "code"),
    [
        (say(451, "later"), Deferred, 451),
        (say(421, "closing"), Deferred, 421),
        (say(550, "5.1.1 nobody"), Refused, 550),
        (Drop(), Deferred, None),
        (Hang(5), Deferred, None),
        (Say(b"HTTP/1.1 200 OK\r\n\r\n"), Deferred, None),
        (Say(b"250-never ending\r\n" * 10_000), Deferred, None),
    ],
    ids=["4xx", "421", "5xx", "drop", "silence", "garbage", "endless"],
)
def test_before_the_body_nothing_was_accepted(offers, verb, action, kind, code):
    with Sink(on(verb, action), offers=offers) as sink:
        outcome = send(connection(sink, patience(action)), mail())
        assert type(outcome) is kind
        assert (outcome.phase, outcome.code) == (Phase(verb.lower()), code)
        assert sink.taken == []


@pytest.mark.parametrize(
    ("action", "kind", "taken"),
    [
        (say(250, "2.0.0 ok"), Accepted, True),
        (say(451, "4.3.0 disk full"), Deferred, False),
        (say(421, "closing"), Deferred, False),
        (say(554, "5.7.1 spam"), Refused, False),
        (Drop(taken=True), Unknown, True),
        (Drop(taken=False), Unknown, False),
        (Hang(5), Unknown, True),
        (Say(b"what?\r\n"), Unknown, False),
        (say(354, "more"), Unknown, False),
    ],
    ids=["yes", "4xx", "421", "5xx", "taken and gone", "gone", "silence", "garbage", "354"],
)
def test_after_the_dot_only_an_answer_is_an_answer(offers, action, kind, taken):
    with Sink(on("DOT", action), offers=offers) as sink:
        outcome = send(connection(sink, patience(action)), mail())
        assert type(outcome) is kind
        assert len(sink.deliveries) == 1
        assert bool(sink.taken) is taken


def test_a_session_goes_on_after_a_refusal(offers):
    """Without RSET the server would answer 503 to everything that follows."""
    with Sink(on("RCPT", say(550, "5.1.1 nobody"), times=1), offers=offers) as sink:
        kept = connection(sink)
        assert isinstance(send(kept, mail("gone@mail.example")), Refused)
        assert isinstance(send(kept, mail("anna@mail.example")), Accepted)
        assert "RSET" in sink.commands
        assert sink.connections == 1


def test_a_session_goes_on_after_a_refused_body(offers):
    with Sink(on("DOT", say(451), times=1), offers=offers) as sink:
        kept = connection(sink)
        assert isinstance(send(kept, mail()), Deferred)
        assert isinstance(send(kept, mail()), Accepted)


def test_a_server_that_wants_a_body_for_a_refused_recipient_gets_none():
    def odd(verb: str, _recipient: str, _count: int) -> Say | None:
        return {"RCPT": say(550, "5.1.1 nobody"), "NODATA": say(354, "go on")}.get(verb)

    with Sink(odd) as sink:
        kept = connection(sink)
        assert isinstance(send(kept, mail()), Refused)
        assert not kept.is_open
        assert sink.deliveries == []


@pytest.mark.parametrize("action", [Drop(), say(421, "too many mails")], ids=["drop", "421"])
def test_a_kept_connection_that_is_gone_costs_the_mail_nothing(offers, action):
    second = lambda verb, _recipient, count: action if verb == "MAIL" and count == 2 else None  # noqa: E731
    with Sink(second, offers=offers) as sink:
        kept = connection(sink)
        assert isinstance(send(kept, mail()), Accepted)
        assert isinstance(send(kept, mail()), NotAttempted)
        assert not kept.is_open


def test_a_mail_is_taken_back_when_it_is_no_longer_ours():
    with Sink() as sink:
        kept = connection(sink)
        outcome = send(kept, mail(), still_ours=lambda: False)
        assert isinstance(outcome, NotAttempted)
        assert sink.taken == []


def test_an_answer_in_many_lines_and_single_bytes_is_read():
    raw = b"250-2.0.0 first\r\n250-second\r\n250 last\r\n"
    with Sink(on("DOT", Say(raw, dripping=True))) as sink:
        outcome = send(connection(sink), mail())
        assert isinstance(outcome, Accepted)
        assert outcome.text == "2.0.0 first second last"


@pytest.mark.parametrize("raw", [b"550 nul\0 and bell\a \xff\r\n", b"550 " + b"x" * 5000 + b"\r\n"])
def test_what_the_server_said_is_stored_readable_and_short(raw):
    with Sink(on("DOT", Say(raw))) as sink:
        outcome = send(connection(sink), mail())
        assert isinstance(outcome, Refused)
        assert "\0" not in outcome.text
        assert outcome.text.isprintable()
        assert len(outcome.text.encode()) <= 1024


@pytest.mark.parametrize(
    ("verb", "action", "phase", "code"),
    [
        ("CONNECT", say(554, "no"), Phase.CONNECT, 554),
        ("CONNECT", Drop(), Phase.CONNECT, None),
        ("CONNECT", Hang(5), Phase.CONNECT, None),
        ("EHLO", Drop(), Phase.EHLO, None),
    ],
)
def test_a_server_that_does_not_welcome_us_costs_no_mail_an_attempt(verb, action, phase, code):
    with Sink(on(verb, action)) as sink:
        outcome = Connection(server_at(sink.url), timeouts=patience(action)).open()
        assert isinstance(outcome, NotAttempted)
        assert (outcome.phase, outcome.code) == (phase, code)


def test_a_server_that_is_down_is_said_to_be_down():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outcome = Connection(server_at(f"smtp://127.0.0.1:{port}"), timeouts=PATIENT).open()
    assert isinstance(outcome, NotAttempted)
    assert outcome.text == "Connection refused"


def test_required_encryption_is_never_given_up():
    with Sink() as sink:
        outcome = Connection(server_at(f"smtp+starttls://127.0.0.1:{sink.port}"), timeouts=PATIENT).open()
        assert isinstance(outcome, NotAttempted)
        assert outcome.phase is Phase.STARTTLS
        assert not any(command.startswith("MAIL") for command in sink.commands)


@pytest.mark.parametrize("at_once", [True, False], ids=["smtps", "starttls"])
def test_mail_goes_out_encrypted_and_signed_in(at_once, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    scheme = "smtps" if at_once else "smtp+starttls"
    with Sink(offers=("STARTTLS", "AUTH PLAIN", "PIPELINING"), tls=context, tls_at_once=at_once) as sink:
        kept = Connection(server_at(f"{scheme}://me:s%40cret@localhost:{sink.port}"), timeouts=PATIENT)
        assert kept.open() is None
        assert isinstance(send(kept, mail()), Accepted)
        assert "AUTH PLAIN AG1lAHNAY3JldA==" in sink.commands


def test_a_certificate_of_nobody_is_refused(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Sink(tls=context, tls_at_once=True) as sink:
        outcome = Connection(server_at(f"smtps://localhost:{sink.port}"), timeouts=PATIENT).open()
        assert isinstance(outcome, NotAttempted)


def test_waiting_is_noticed_while_a_server_thinks():
    ticks: list[int] = []
    with Sink(on("DOT", say(250, after=2.2))) as sink:
        kept = Connection(server_at(sink.url), timeouts=Timeouts(), waiting=lambda: ticks.append(1))
        assert kept.open() is None
        assert isinstance(send(kept, mail()), Accepted)
    assert ticks


def test_mails_are_written_while_a_server_thinks_and_only_as_many_as_are_wanted():
    wanted = 5
    written: list[bool] = []

    def prepare() -> bool:
        written.append(not table.outcomes)
        return len(written) < wanted

    with Sink(on("DOT", say(250, after=0.5))) as sink:
        kept = Connection(server_at(sink.url), timeouts=Timeouts())
        assert kept.open() is None
        table = Table([mail()], prepare=prepare)
        Exchange([kept], table).run()
    assert isinstance(table.outcomes[0], Accepted)
    assert written.count(True) >= wanted
    # Afterwards it waits for the server, and does not ask again and again.
    assert len(written) < 50


def test_closing_is_polite_and_never_fails():
    with Sink(on("QUIT", Drop())) as sink:
        kept = connection(sink)
        kept.close()
        kept.close()
        assert not kept.is_open


@pytest.mark.parametrize(
    "address",
    [
        "a@x>\r\nRCPT TO:<e@evil.example", "a b@x.example", "a@x..example", "@x.example", "a@x", "a@", "<a@x.example>",
        '"a b"@x.example', "a@[127.0.0.1]", "@one.example:a@x.example", "a\0@x.example", "a\u2028@x.example",
        "a" * 65 + "@x.example", "a@" + "x." * 130 + "example", "a@münchen.example", ".a@x.example", "a@-x.example",
    ],
)  # fmt: skip
def test_no_address_can_end_a_command(address):
    assert not is_mailbox(address)
    with Sink() as sink:
        assert isinstance(send(connection(sink), mail(address)), Refused)
        assert not any(command.startswith("MAIL") for command in sink.commands)


@pytest.mark.parametrize(
    "address", ["a@x.example", "a.b+c@x-y.example", "jürgen@xn--mnchen-3ya.example", "o'neil@x.example"]
)
def test_ordinary_addresses_are_fine(address):
    assert is_mailbox(address)


def test_international_addresses_need_a_server_that_takes_them():
    with Sink() as sink:
        assert isinstance(send(connection(sink), mail("jürgen@x.example")), Refused)
    with Sink(offers=("PIPELINING", "SMTPUTF8")) as sink:
        assert isinstance(send(connection(sink), mail("jürgen@x.example")), Accepted)
        assert "MAIL FROM:<b+1.abc@shop.example> SMTPUTF8" in sink.commands


@pytest.mark.parametrize("body", [b"a\n.\nMAIL FROM:<x>", b"a\r.\rb", b"a\0b", b"a\r\r\n.\r\n", b"a\n.\r\n"])
def test_smuggled_mails_do_not_leave(body):
    assert not has_clean_lines(b"A: b\r\n\r\n" + body)
    with Sink() as sink:
        assert isinstance(send(connection(sink), mail(content=b"A: b\r\n\r\n" + body)), Refused)
        assert sink.deliveries == []


def test_lines_that_begin_with_dots_arrive_whole():
    content = b".\r\n..\r\n.x\r\n\r\n.\r\nMAIL FROM:<x>\r\n"
    with Sink() as sink:
        assert isinstance(send(connection(sink), mail(content=content)), Accepted)
        assert sink.taken[0].content == content
    assert on_the_wire(b"a") == b"a\r\n.\r\n"


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example", 25, Security.NONE),
        ("smtp+starttls://mail.example", 587, Security.STARTTLS),
        ("smtps://u:p@mail.example:4650", 4650, Security.TLS),
        ("smtp://[::1]:2525", 2525, Security.NONE),
    ],
)
def test_a_transport_url_is_read(url, port, security):
    server = server_at(url)
    assert (server.port, server.security) == (port, security)


@pytest.mark.parametrize(
    "url",
    [
        "http://x",
        "smtp://",
        "smtp://h:99999",
        "smtp://h/path",
        "mail.example",
        "smtp://h?a=b",
        "smtp://h?mails=0",
        "smtp://h?mails=3&mails=4",
        "smtp://h?connections=99",
        "smtp://h?mails",
    ],
)
def test_another_url_is_refused_without_repeating_it(url):
    with pytest.raises(WrongInput) as caught:
        server_at(url)
    assert caught.value.code == "transport_url_invalid"


def test_passwords_do_not_show():
    assert "secret" not in repr(server_at("smtps://me:secret@mail.example"))


def test_many_mails_use_one_connection(offers):
    with Sink(offers=offers) as sink:
        kept = connection(sink)
        outcomes: list[Outcome] = [send(kept, mail(f"p{n}@mail.example")) for n in range(200)]
        assert all(isinstance(each, Accepted) for each in outcomes)
        assert sink.connections == 1
        assert all(before.at <= after.at for before, after in pairwise(sink.deliveries))
