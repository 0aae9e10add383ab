"""The inbox keeps what it takes, in order and up to a limit, and hands nothing out that leads outside."""

from email.message import EmailMessage

import pytest

from app import inbox_store
from app.inbox import Folder
from core.errors import NotFound


def mail(*, to: str = "ann@mail.example", subject: str = "Hello") -> bytes:
    message = EmailMessage()
    message["From"] = "Bank <news@bank.example>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("Dear Ann")
    message.add_alternative("<p>Dear Ann</p>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="terms.pdf")
    return f"Return-Path: <b@bank.example>\r\nDelivered-To: {to}\r\n".encode() + message.as_bytes()


@pytest.fixture
def kept(home) -> Folder:
    return Folder(inbox_store.folder())


def test_the_newest_mail_comes_first_and_pages_follow_each_other(kept):
    for number in range(5):
        kept.keep(mail(subject=f"Mail {number}"))
    first = inbox_store.newest(limit=2)
    second = inbox_store.newest(limit=2, before=first.older)
    third = inbox_store.newest(limit=2, before=second.older)
    assert [entry.subject for page in (first, second, third) for entry in page.entries] == [
        f"Mail {number}" for number in (4, 3, 2, 1, 0)
    ]
    assert (first.total, third.older) == (5, None)


def test_one_mail_is_taken_apart_and_its_attachments_are_only_described(kept):
    kept.keep(mail(subject="Zinsen für Österreich"))
    found = inbox_store.read(inbox_store.newest().entries[0].id)
    assert found.entry.subject == "Zinsen für Österreich"
    assert found.entry.recipients == "ann@mail.example"
    assert found.text is not None
    assert found.text.strip() == "Dear Ann"
    assert found.html is not None
    assert "<p>Dear Ann</p>" in found.html
    assert [(part.name, part.kind, part.bytes) for part in found.attachments] == [("terms.pdf", "application/pdf", 5)]


def test_a_recipient_can_be_looked_for(kept):
    kept.keep(mail(to="ann@mail.example"))
    kept.keep(mail(to="bob@mail.example"))
    assert [entry.recipients for entry in inbox_store.newest(recipient="BOB@").entries] == ["bob@mail.example"]


def test_the_oldest_mail_makes_room(home):
    small = Folder(inbox_store.folder(), most_mails=3)
    for number in range(5):
        small.keep(mail(subject=f"Mail {number}"))
    assert [entry.subject for entry in inbox_store.newest().entries] == ["Mail 4", "Mail 3", "Mail 2"]
    # A later start counts what is there already.
    Folder(inbox_store.folder(), most_mails=3).keep(mail(subject="Mail 5"))
    assert inbox_store.newest().total == 3


@pytest.mark.parametrize("mail_id", ["../keys", "0" * 20 + "-000001", "", "x" * 200])
def test_an_id_never_leads_out_of_the_inbox(kept, mail_id):
    with pytest.raises(NotFound):
        inbox_store.read(mail_id)


def test_a_mail_that_makes_no_sense_is_shown_all_the_same(kept):
    kept.keep(b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe")
    found = inbox_store.read(inbox_store.newest().entries[0].id)
    assert found.text is not None
    assert found.entry.subject == ""
