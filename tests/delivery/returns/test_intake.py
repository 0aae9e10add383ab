"""What a mail that came back does: everything when it proves what it is about, and nothing when it does not."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from contacts import take_out
from contacts.models import TrackingLevel
from core import clock
from core.db import transaction
from delivery import mail_id, open_run, return_path, take_in
from delivery.models import Sender, Way
from delivery.returns import classify
from delivery.returns.reading import Reading
from delivery.returns.resolving import resolve_read
from tests.delivery.returns.test_classify import complaint, dsn
from tests.delivery.sending import WORDS, campaign, rows, write_down
from tracking import EventKind, Happening, record


@pytest.fixture
def messages(database: str) -> list[int]:
    """Messages of one campaign that were sent."""
    run_id = campaign(8)
    with transaction() as session:
        session.execute(text("UPDATE message SET state = 'sent', handed_over_at = now(), decision_id = 1"))
    return [row.id for row in rows("SELECT id FROM message WHERE run_id = :run ORDER BY id", run=run_id)]


def address_of(message_id: int) -> str:
    (row,) = rows(
        "SELECT e.value FROM message m JOIN endpoint e ON e.address_id = m.address_id WHERE m.id = :m", m=message_id
    )
    return row.value


def came_back(raw: bytes, *, envelope: Sequence[str] = ()):
    with transaction() as session:
        return take_in(session, raw=raw, reading=Reading(classify(raw)), way=Way.PIPE, envelope=envelope)


def bounce(message_id: int, *, to: str | None = None, seal: bool = True, **values: str) -> bytes:
    path = return_path(message_id=message_id, domain="bounce.shop.example")
    if not seal:
        path = f"b+{message_id}.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example"
    raw = dsn(**values).replace(b"b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example", path.encode())
    return raw.replace(b"ada@mail.example", (to or address_of(message_id)).encode())


def entries() -> list[tuple[str, str, str | None]]:
    return [
        (row.cause, row.source, row.channel)
        for row in rows("SELECT cause, source, channel FROM suppression_entry ORDER BY id")
    ]


def happened() -> list[str]:
    return [row.kind for row in rows("SELECT kind::text FROM event WHERE kind <> 'sent' ORDER BY id")]


def state(message_id: int) -> str:
    (row,) = rows("SELECT state::text FROM message WHERE id = :m", m=message_id)
    return row.state


def test_a_believed_hard_bounce_suppresses_the_address_at_once_and_twice_the_same_mail_is_once(messages):
    raw = bounce(messages[0], code="smtp; 550 5.1.1 <ada@mail.example>: no such user")
    taken = came_back(raw)
    assert (taken.believed, taken.known, taken.suppressed) == (True, False, 1)
    assert entries() == [("hard_bounce", "returned_mail", "email")]
    assert happened() == ["bounce"]
    (entry,) = rows("SELECT evidence FROM suppression_entry")
    assert entry.evidence["message_id"] == messages[0]
    with transaction() as session:
        assert take_out(session, [entry.evidence["returned_sha256"]]) == {entry.evidence["returned_sha256"]: raw}

    again = came_back(raw)
    assert (again.known, again.suppressed) == (True, 0)
    assert len(entries()) == len(happened()) == 1
    (kept,) = rows("SELECT reason FROM returned")
    assert kept.reason == "550 5.1.1 <…>: no such user"


def test_what_cannot_prove_which_message_it_is_about_is_kept_and_does_nothing(messages):
    victim = address_of(messages[0]).encode()
    made_up = f"<{messages[0]}.bbbbbbbbbbbbbbbbbbbb@shop.example>".encode()
    forged = [
        bounce(messages[0], seal=False),
        complaint().replace(b"<7.bbbbbbbbbbbbbbbbbbbb@shop.example>", made_up),
        b"From: mailer-daemon@mx.example\nSubject: failure notice\n\n<" + victim + b">: user unknown\n",
    ]  # fmt: skip
    for raw in forged:
        assert not came_back(raw).believed
    # The seal of one message opens no other.
    stolen = return_path(message_id=messages[1], domain="x.example").replace(f"+{messages[1]}.", f"+{messages[0]}.")
    assert not came_back(bounce(messages[0], seal=False) + b"\n", envelope=[stolen]).believed
    assert entries() == []
    assert happened() == []
    (kept,) = rows("SELECT count(*) AS n, count(message_id) AS believed FROM returned_mail")
    assert (kept.n, kept.believed) == (4, 0)


def test_a_bounce_that_names_somebody_else_suppresses_nobody(messages):
    taken = came_back(bounce(messages[0], to="forwarded@elsewhere.example"))
    assert taken.believed
    assert (entries(), happened()) == ([], [])


def test_what_is_not_final_or_not_about_the_person_suppresses_nobody(messages):
    answers = [
        ({"status": "5.7.1", "code": "smtp; 550 5.7.1 blocked using zen.spamhaus.org"}, "policy"),
        ({"status": "5.2.2", "code": "smtp; 552 5.2.2 mailbox full"}, "mailbox_full"),
        ({"status": "4.4.1", "code": "smtp; 421 4.4.1 connection timed out"}, "soft"),
        ({"action": "delayed"}, "soft"),
    ]
    for message_id, (values, kind) in zip(messages, answers, strict=False):
        assert [one.value for one in came_back(bounce(message_id, **values)).classes] == [kind]
    assert entries() == []
    # A delay is no failure yet.
    assert happened() == ["soft_bounce"] * 3


def test_a_complaint_suppresses_all_advertising_of_the_controller_even_when_the_recipient_is_blacked_out(messages):
    ours = mail_id(message_id=messages[0], domain="shop.example").encode()
    taken = came_back(
        complaint(recipient="Original-Rcpt-To: redacted@provider.example\n").replace(
            b"<7.bbbbbbbbbbbbbbbbbbbb@shop.example>", ours
        )
    )
    assert taken.believed
    (entry,) = rows("SELECT cause, channel, purpose, controller_id, address_id FROM suppression_entry")
    assert (entry.cause, entry.channel, entry.purpose) == ("complaint", None, None)
    assert entry.controller_id is not None
    assert entry.address_id == rows("SELECT address_id FROM message WHERE id = :m", m=messages[0])[0].address_id
    assert happened() == ["complaint"]


def test_failures_of_three_campaigns_over_weeks_add_up_and_a_click_between_clears_them(database):
    runs = [campaign(1) if not number else _again(number) for number in range(4)]
    now = clock.now()
    full = {"status": "5.2.2", "code": "smtp; 552 5.2.2 mailbox full"}
    for number, run_id in enumerate(runs):
        (message,) = rows("SELECT id, address_id FROM message WHERE run_id = :r", r=run_id)
        taken = came_back(bounce(message.id, **full))
        assert taken.suppressed == (1 if number == 3 else 0)
        with transaction() as session:
            session.execute(
                text("UPDATE returned_mail SET received_at = :at WHERE message_id = :m"),
                {"at": now - timedelta(days=40 - 10 * number), "m": message.id},
            )
            if number == 0:
                # After the first failure somebody clicked: counting begins anew.
                session.execute(
                    text(
                        "INSERT INTO event (kind, at, address_id, message_id, verdict)"
                        " VALUES ('click', :at, :a, :m, 'human')"
                    ),
                    {"at": now - timedelta(days=35), "a": message.address_id, "m": message.id},
                )
    assert entries() == [("hard_bounce", "returned_mail", "email")]


def _again(number: int) -> int:
    with transaction() as session:
        sender_id = session.scalar(select(Sender.id))
        run_id = open_run(
            session,
            name=f"again{number}",
            sender_id=sender_id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=WORDS,
        )
    write_down(run_id)
    return run_id


def test_a_report_ends_the_doubt_about_a_message(messages):
    def to(message_id: int, subject: str) -> bytes:
        path = return_path(message_id=message_id, domain="b.example")
        return f"To: {path}\nSubject: {subject}\n\nwords".encode()

    with transaction() as session:
        session.execute(text("UPDATE message SET state = 'unknown'"))
    one, two, three, four, five, six, seven, _ = messages
    for raw in (
        bounce(one),
        bounce(two, status="5.7.1", code="smtp; 550 5.7.1 policy"),
        bounce(three, action="delivered", status="2.0.0", code="smtp; 250 ok"),
        bounce(four, action="delayed", status="4.4.1"),
        to(five, "Out of office"),
        bounce(six, seal=False),
        to(seven, "who are you?"),
    ):
        came_back(raw)
    assert [state(each) for each in messages] == [
        "resolved_unsent", "resolved_unsent", "resolved_sent", "resolved_sent", "resolved_sent",
        "unknown", "unknown", "unknown",
    ]  # fmt: skip
    assert [row.message_id for row in rows("SELECT message_id FROM event WHERE kind = 'sent' ORDER BY id")] == [
        three, four, five,
    ]  # fmt: skip


def test_an_open_or_a_click_ends_the_doubt_and_counts_as_sent(messages):
    with transaction() as session:
        session.execute(text("UPDATE message SET state = 'unknown'"))
        (row,) = session.execute(text("SELECT address_id, run_id FROM message WHERE id = :m"), {"m": messages[0]})
        record(session, EventKind.UNSUBSCRIBE, [Happening(clock.now(), row.address_id, messages[0], row.run_id)])
    with transaction() as session:
        assert resolve_read(session) == 1
    assert [state(one) for one in messages] == ["resolved_sent", *["unknown"] * 7]
    assert [row.message_id for row in rows("SELECT message_id FROM event WHERE kind = 'sent'")] == [messages[0]]


def test_whatever_bytes_a_report_is_made_of_it_is_taken_in(messages):
    path = return_path(message_id=messages[0], domain="b.example").encode()
    dirt = b"\x00\xff\xfe\xed\xa0\x80\xe2\x80\xa8\x1b[31m" + "Ω".encode() * 400
    clean = bounce(messages[0])
    for number, place in enumerate(
        [b"ada@", b"rfc822; ", b"smtp; 550", b"failed", b"Status: 5", b"Sorry.", b"Subject: "]
    ):
        came_back(clean.replace(place, place + dirt) + b"%d" % number)
    for part in (b"abuse", b"Loop/1", b"Original-Rcpt-To: "):
        came_back(complaint().replace(part, part + dirt))
    came_back(
        b"From: " + dirt + b"\nTo: " + path + b"\nSubject: " + dirt + b"\nAuto-Submitted: auto-replied\n\n" + dirt
    )
    (kept,) = rows("SELECT count(*) AS n FROM returned_mail")
    assert kept.n == 11
