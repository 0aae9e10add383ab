"""What came back is read as what it is, and whatever comes in, reading it raises nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli import main
from delivery.returns import Action, ReturnClass, classify
from delivery.returns.rules import judge, rules


def dsn(*, status: str = "5.1.1", code: str = "smtp; 550 5.1.1 no such user", action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\nTo: b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example\nSubject: Undelivered\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n'
        "--x\nContent-Type: text/plain\n\nSorry.\n"
        "--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; ada@mail.example\nAction: {action}\nStatus: {status}\nDiagnostic-Code: {code}\n\n"
        "--x\nContent-Type: message/rfc822\n\nMessage-ID: <7.bbbbbbbbbbbbbbbbbbbb@shop.example>\n\nhello\n--x--\n"
    ).encode()


def complaint(kind: str = "abuse", *, recipient: str = "Original-Rcpt-To: ada@mail.example\n") -> bytes:
    return (
        "From: fbl@provider.example\nSubject: FW: boots\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="x"\n\n'
        "--x\nContent-Type: text/plain\n\nThis is an email abuse report.\n"
        "--x\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: Loop/1\nVersion: 1\n{recipient}\n"
        "--x\nContent-Type: message/rfc822\n\nMessage-ID: <7.bbbbbbbbbbbbbbbbbbbb@shop.example>\n\nhello\n--x--\n"
    ).encode()


def odd() -> bytes:
    """A report in no standard form, about two people."""
    return (
        b"From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nTo: b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example\n"
        b"Subject: failure notice\n\nHi. This is the mail program at mx.example.\nI was not able to deliver your "
        b"message to the following addresses.\n\n<ada@mail.example>:\nThis account is over quota.\n\n"
        b"<bo@mail.example>:\n550 sorry, no mailbox here by that name. (#5.1.1)\n\n"
        b"--- Below this line is a copy of the message.\n\nMessage-ID: <7.bbbbbbbbbbbbbbbbbbbb@shop.example>\n\nhello\n"
    )


def test_a_report_in_no_standard_form_says_what_became_of_each():
    found = {one.recipient: one.kind for one in classify(odd())}
    assert found == {"ada@mail.example": ReturnClass.MAILBOX_FULL, "bo@mail.example": ReturnClass.HARD}


@pytest.mark.parametrize(
    ("words", "status", "reply", "kind"),
    [
        ("550 5.1.1 The email account that you tried to reach does not exist.", "5.1.1", 550, "hard"),
        ("550 5.2.1 The email account that you tried to reach is inactive.", "5.2.1", 550, "hard"),
        ("552 5.2.2 The recipient's inbox is out of storage space and inactive. OverQuotaPerm", "5.2.2", 552, "hard"),
        ("452 4.2.2 The recipient's inbox is out of storage space.", "4.2.2", 452, "mailbox_full"),
        ("550 5.4.1 Recipient address rejected: Access denied.", "5.4.1", 550, "hard"),
        ("556 5.1.10 Domain does not accept mail (nullMX)", "5.1.10", 556, "hard"),
        ("550 5.7.26 This mail is unauthenticated: SPF did not pass", "5.7.26", 550, "policy"),
        ("550 5.7.515 Access denied, sending domain does not meet requirements", "5.7.515", 550, "policy"),
        ("554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org", "5.7.1", 554, "policy"),
        ("550 5.1.1 Mail from 192.0.2.1 rejected: listed in zen.spamhaus.org", "5.1.1", 550, "policy"),
        ("421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints", "4.7.0", 421, "policy"),
        ("450 4.7.1 Greylisted, try again in five minutes", "4.7.1", 450, "soft"),
        ("450 4.1.1 unverified address: user unknown", "4.1.1", 450, "soft"),
        ("550 5.0.0 something that nobody has seen yet", "5.0.0", 550, "soft"),
        ("550 what a day", None, 550, "soft"),
        ("host gone.example not found, try again", None, None, "soft"),
        ("550 Benutzer unbekannt", None, 550, "hard"),
        ("550 5.2.2 Postfach ist voll", "5.2.2", 550, "mailbox_full"),
        ("550 user@spam-house.example: no such user", None, 550, "hard"),
        ("552 5.3.4 Message size exceeds fixed limit", "5.3.4", 552, "policy"),
    ],
)  # fmt: skip
def test_what_providers_say_is_read_as_they_mean_it(words, status, reply, kind):
    rule = judge(status=status, reply=reply, words=words)
    assert rule is not None
    assert rule.kind.value == kind, rule.name


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.7.509", "4.7.0"])
def test_a_refusal_by_policy_is_never_about_the_person(status):
    (found,) = classify(dsn(status=status, code=f"smtp; 550 {status} refused"))
    assert found.kind is ReturnClass.POLICY


def test_a_report_in_standard_form_gives_every_field():
    (found,) = classify(dsn())
    assert (found.kind, found.status, found.reply_code) == (ReturnClass.HARD, "5.1.1", 550)
    assert (found.recipient, found.action) == ("ada@mail.example", Action.FAILED)
    assert found.reason == "550 5.1.1 no such user"
    assert found.names[:2] == ("b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example", "<7.bbbbbbbbbbbbbbbbbbbb@shop.example>")


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_is_delayed_or_arrived_is_never_hard(action):
    (found,) = classify(dsn(action=action))
    assert found.kind is not ReturnClass.HARD


@pytest.mark.parametrize("kind", ["abuse", "fraud", "other", "opt-out", "ABUSE"])
def test_every_complaint_is_found(kind):
    for mail in (complaint(kind), complaint(kind, recipient="")):
        (found,) = classify(mail)
        assert found.kind is ReturnClass.COMPLAINT
        assert "<7.bbbbbbbbbbbbbbbbbbbb@shop.example>" in found.names


@pytest.mark.parametrize(
    ("to", "recipient"),
    [
        ("To: Ada <ada@mail.example>\n", "ada@mail.example"),
        ("To: ada@mail.example, bo@mail.example\n", None),
        ("", None),
    ],
)
def test_a_complaint_that_names_nobody_is_about_the_one_to_whom_the_quoted_mail_was_addressed(to, recipient):
    (found,) = classify(complaint(recipient="").replace(b"rfc822\n\n", b"rfc822\n\n" + to.encode()))
    assert (found.kind, found.recipient) == (ReturnClass.COMPLAINT, recipient)


def test_not_spam_is_no_complaint():
    (found,) = classify(complaint("not-spam"))
    assert found.kind is ReturnClass.UNKNOWN


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Out of office: boots", "Subject: Abwesenheitsnotiz", "Auto-Submitted: auto-replied\nSubject: thanks",
        "X-Autoreply: yes\nSubject: hi", "Precedence: auto_reply\nSubject: hi", "Subject: Automatische Antwort: boots",
    ],
)  # fmt: skip
def test_the_answer_of_a_machine_is_no_bounce(head):
    (found,) = classify(
        f"From: ada@mail.example\n{head}\n\nI am away. My mailbox does not exist until Monday.\n".encode()
    )
    assert found.kind is ReturnClass.AUTO_REPLY


def test_what_a_person_writes_is_unknown():
    (found,) = classify(
        b"From: ada@mail.example\nSubject: Re: boots\n\nThe user unknown error is back, mailbox full.\n"
    )
    assert found.kind is ReturnClass.UNKNOWN


def test_every_row_of_the_table_has_a_name_of_its_own_and_a_source():
    names = [rule.name for rule in rules()]
    assert len(names) == len(set(names))
    assert all(rule.source for rule in rules())


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\0" * 50, b"\xff\xfe" * 50,
        b"Content-Type: multipart/report; boundary=x\n\n" + b"--x\nContent-Type: message/rfc822\n\n" * 3000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(2000)),
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 5000,
        b"Subject: =?utf-16?b?//8=?=\nContent-Type: text/plain; charset=\xff\n\nfailure",
        b"Content-Type: text/plain; charset=rot13\n\nx", b"Content-Transfer-Encoding: base64\n\n====",
        b"Content-Type: message/delivery-status\n\nStatus: 5.1.1\nAction: failed",
    ],
)  # fmt: skip
def test_a_hostile_mail_is_unknown_or_read_and_raises_nothing(raw):
    assert classify(raw)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([odd(), dsn(), complaint()]),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
)
def test_truncated_and_damaged_mails_raise_nothing(raw, cut, changes):
    damaged = bytearray(raw[: int(len(raw) * cut)])
    for place, value in changes:
        if damaged:
            damaged[int(len(damaged) * place)] = value
    assert all(isinstance(one.kind, ReturnClass) for one in classify(bytes(damaged)))


def test_the_command_prints_one_object_for_each_recipient_with_exactly_these_keys(tmp_path, capsys):
    (tmp_path / "a.eml").write_bytes(dsn())
    (tmp_path / "b.eml").write_bytes(odd())
    main(["bounce", "classify", str(tmp_path / "a.eml"), str(tmp_path / "b.eml"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [list(one) for one in found] == [["file", "class", "status", "reply_code", "recipient", "reason"]] * 3
    assert [one["class"] for one in found] == ["hard", "mailbox_full", "hard"]
