"""Mail that comes back finds its way in by LMTP, by SMTP, from a mailbox and through a pipe, to the same effect."""

import asyncio
import json
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from app.cli import main
from app.returns import take
from app.returns.mailbox import look
from app.returns.receiver import serve, where
from core.db import transaction
from core.errors import NotReachable, WrongInput
from delivery import ReturnClass, mail_id, return_path
from delivery.models import Way
from tests.app.imap_server import Mailbox
from tests.delivery.returns.test_classify import complaint, dsn
from tests.preferences import scene
from tracking import Purpose, read_message_token


@pytest.fixture
def sent(database: str) -> SimpleNamespace:
    """A newsletter to ann that was sent: its number, and the token to unsubscribe from it."""
    token = scene.mail_to("ann")[Purpose.UNSUBSCRIBE]
    read = read_message_token(Purpose.UNSUBSCRIBE, token)
    assert read is not None
    with transaction() as session:
        session.execute(text("UPDATE message SET state = 'sent', decision_id = 1, handed_over_at = now()"))
    path = return_path(message_id=read.message_id, domain="bounce.shop.example")
    return SimpleNamespace(message_id=read.message_id, token=token, path=path, mailbox=f"u+{token}@bounce.shop.example")


def bounce(sent: SimpleNamespace) -> bytes:
    return dsn().replace(b"b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example", sent.path.encode()).replace(b"ada@", b"ann@")


def entries() -> list[tuple[str, str]]:
    with transaction() as session:
        found = session.execute(text("SELECT cause, source FROM suppression_entry ORDER BY id"))
        return [(row.cause, row.source) for row in found]


@contextmanager
def receiving(scheme: str) -> Iterator[int]:
    """The receiver on a port of its own."""
    ready: list[int] = []
    loop = asyncio.new_event_loop()
    stopping, listening = asyncio.Event(), threading.Event()

    def started(port: int) -> None:
        ready.append(port)
        listening.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve(f"{scheme}://127.0.0.1:0", stopping=stopping, started=started))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert listening.wait(10)
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


def test_a_mail_program_that_writes_to_unsubscribe_stops_the_mail_as_one_click_does(sent):
    letter = b"From: somebody@else.example\nTo: %s\nSubject: unsubscribe\n\n" % sent.mailbox.encode()
    for _ in range(2):
        assert take(letter, way=Way.MAILBOX).opted_out
    assert entries() == [("opted_out", "mailto")]
    with transaction() as session:
        (kind,) = session.scalars(text("SELECT kind FROM event"))
        (withdrawn,) = session.scalars(text("SELECT withdrawn_at FROM consent"))
    assert kind == "unsubscribe"
    assert withdrawn is not None


def test_reports_and_machines_and_wrong_tokens_unsubscribe_nobody(sent):
    away = b"From: ann@mail.example\nAuto-Submitted: auto-replied\nSubject: away\n\n"
    assert not take(away, way=Way.RECEIVER, envelope=[sent.mailbox]).opted_out
    assert not take(dsn(), way=Way.RECEIVER, envelope=[sent.mailbox]).opted_out
    letter = b"From: ann@mail.example\nSubject: unsubscribe\n\n"
    for wrong in (f"u+{sent.token[:-4]}AAAA@b.example", "u+@b.example", f"x+{sent.token}@b.example", "u+é@b.example"):
        assert not take(letter, way=Way.RECEIVER, envelope=[wrong]).opted_out
    # A mail that is returned names that address too, in the headers of the original.
    quoted = bounce(sent).replace(b"\n\nhello", b"\nList-Unsubscribe: <mailto:%s>\n\nhello" % sent.mailbox.encode())
    assert not take(quoted, way=Way.PIPE).opted_out
    assert entries() == [("hard_bounce", "returned_mail")]


@pytest.mark.parametrize("scheme", ["lmtp", "smtp"])
def test_the_receiver_answers_when_it_holds(sent, scheme):
    with receiving(scheme) as port:
        client = (smtplib.LMTP if scheme == "lmtp" else smtplib.SMTP)("127.0.0.1", port, timeout=20)
        with client:
            assert client.sendmail("", [sent.path], bounce(sent)) == {}
            assert entries() == [("hard_bounce", "returned_mail")]
            client.sendmail("", [sent.path, "abuse@bounce.shop.example"], complaint())
            if scheme == "lmtp":
                # One answer for each recipient; the client of Python reads only the first.
                assert client.getreply()[0] == 250
            client.sendmail("ann@mail.example", [sent.mailbox], b"Subject: unsubscribe\r\n\r\n")
    assert entries() == [("hard_bounce", "returned_mail"), ("complaint", "returned_mail"), ("opted_out", "mailto")]


def test_a_mailbox_is_read_once_and_left_in_order(sent):
    named = mail_id(message_id=sent.message_id, domain="shop.example").encode()
    mails = (
        bounce(sent),
        complaint().replace(b"<7.bbbbbbbbbbbbbbbbbbbb@shop.example>", named),
        b"Subject: hello\n\nyou\n",
    )
    with Mailbox(*mails) as box:
        assert look(box.url) == 3
        assert box.seen == {1, 2, 3}
        assert look(box.url) == 0
        with pytest.raises(NotReachable, match="cannot be read"):
            look(box.url.replace("right", "wrong"))
    assert entries() == [("hard_bounce", "returned_mail"), ("complaint", "returned_mail")]


def test_a_pipe_takes_one_mail_in(sent, tmp_path, capsys):
    (tmp_path / "mail").write_bytes(bounce(sent))
    main(["bounce", "intake", str(tmp_path / "mail"), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["believed"], answer["message"], answer["suppressed"]) == (True, sent.message_id, 1)
    assert answer["classes"] == [ReturnClass.HARD.value]


@pytest.mark.parametrize("url", ["", "lmtp://", "lmtp://host", "http://127.0.0.1:1", "lmtp://127.0.0.1:x"])
def test_an_address_that_is_none_is_refused_with_what_to_write(url):
    with pytest.raises(WrongInput, match="lmtp://127"):
        where(url)
