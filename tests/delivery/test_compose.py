"""The bytes of a mail: what was rendered arrives, nothing else does, and the signature holds."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotAllowed
from delivery import quoted, self_test
from delivery.compose import From, HeaderInjected, Letter, compose, header_names
from delivery.dkim import Signer, signer
from delivery.return_path import mail_id, message_of, opt_out_mailbox, opt_out_token, return_path
from delivery.smtp import Mail
from delivery.smtp.envelope import has_clean_lines, on_the_wire
from templates import Rendered, as_quoted
from templates.quoted import quoted as quoted_printable
from templates.quoted import whole

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Feedback-ID", "MIME-Version", "Content-Type",
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("home")


def made(
    *,
    subject: str = "Hello Anna",
    html: str = "<p>Hello</p>",
    text: str = "Hello",
    name: str = "Shop",
    signer: Signer | None = None,
    recipient: str = "anna@mail.example",
    unsubscribe_url: str | None = "https://shop.example/u/token",
    unsubscribe_mailbox: str | None = None,
) -> Mail:
    letter = Letter(
        message_id=7,
        recipient=recipient,
        content=as_quoted(Rendered(subject=subject, html=html, text=text)),
        unsubscribe_url=unsubscribe_url,
        feedback_id="1:newsletter:1:news",
        unsubscribe_mailbox=unsubscribe_mailbox,
    )
    sender = From(
        name=name,
        address="news@shop.example",
        return_domain="bounce.shop.example",
        reply_to="help@shop.example",
        signers=(signer,) if signer else (),
    )
    return compose(letter, sender=sender, at=AT)


def parsed(mail: Mail) -> EmailMessage:
    return email.message_from_bytes(mail.content, policy=email.policy.SMTP)  # type: ignore[return-value]


def part(mail: Mail, kind: str) -> str:
    found = parsed(mail).get_body((kind,))
    assert found is not None
    return found.get_content().replace("\r\n", "\n")


def test_a_reader_sees_exactly_these_headers_and_what_was_rendered():
    mail = made(html="<p>Größe: 5 €</p>", text="Größe: 5 €\nund mehr")
    message = parsed(mail)
    assert message.keys() == NAMES
    assert message["From"] == "Shop <news@shop.example>"
    assert message["To"] == mail.recipient == "anna@mail.example"
    assert message["Date"] == "Sat, 21 Nov 2026 09:30:00 +0000"
    assert message["List-Unsubscribe"] == "<https://shop.example/u/token>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert part(mail, "plain") == "Größe: 5 €\nund mehr\n"
    assert part(mail, "html") == "<p>Größe: 5 €</p>\n"
    assert not message.defects


def test_who_can_only_write_mail_is_offered_an_address_after_the_one_for_one_click():
    token = "T" * 60
    letter = made(unsubscribe_mailbox=opt_out_mailbox(token=token, domain="bounce.shop.example"))
    mailbox = f"u+{token}@bounce.shop.example"
    assert (
        parsed(letter)["List-Unsubscribe"] == f"<https://shop.example/u/token>, <mailto:{mailbox}?subject=unsubscribe>"
    )
    # RFC 5321 section 4.5.3.1.1: 64 bytes before the sign.
    assert len(mailbox.partition("@")[0]) <= 64
    assert opt_out_token(mailbox) == token


def test_answers_offer_nothing_to_unsubscribe_from():
    assert "List-Unsubscribe" not in parsed(made(unsubscribe_url=None))


def test_the_return_path_and_the_message_id_name_the_message_and_cannot_be_made_up():
    mail = made()
    assert message_of(mail.sender) == message_of(mail.sender.upper()) == 7
    assert mail.sender.endswith("@bounce.shop.example")
    assert message_of(mail.sender.replace("+7.", "+8.")) is None
    assert message_of("b+7.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example") is None
    assert message_of("anna@mail.example") is None
    assert return_path(message_id=7, domain="x.example") == return_path(message_id=7, domain="x.example")
    assert parsed(made())["Message-ID"] == parsed(mail)["Message-ID"] == mail_id(message_id=7, domain="shop.example")


HOSTILE = [
    "\r\nBcc: evil@attack.example",
    "\nBcc: evil@attack.example\n\nbody",
    "=?utf-8?q?Hi=0D=0ABcc:_evil@attack.example?=",
    "a\0b\x85Bcc: x\u2028Bcc: y\u2029\x0b\x0c",
    "\u202eelpmaxe.krowten\u202c",
    "x" * 10_000,
    "ü" * 10_000,
    '"; Bcc: evil@attack.example; "',
    "<evil@attack.example>",
    "\\",
]


@pytest.mark.parametrize("payload", HOSTILE)
def test_no_value_becomes_a_header(payload):
    mail = made(subject=payload, name=payload, html=payload, text=payload)
    head = mail.content.partition(b"\r\n\r\n")[0]
    assert list(header_names(head)) == NAMES
    # What libraries with the known hole would make of it.
    for value in (parsed(mail)["Subject"], str(make_header(decode_header(parsed(mail)["From"])))):
        assert "\r" not in value
        assert "\n" not in value
    assert "evil@attack.example" not in [address.addr_spec for address in parsed(mail)["From"].addresses]
    assert len(head) < 4_000
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert has_clean_lines(mail.content)


def test_signs_that_turn_the_writing_direction_do_not_reach_a_header():
    assert quoted.one_line("Bank\u202egro.liame\u2066 \ufeff") == "Bank gro.liame"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n", "\r\n\r\n"])
def test_a_mail_with_a_header_too_many_does_not_leave(end):
    """Whatever let it in: here a signature under a name that nobody checked."""
    with pytest.raises(HeaderInjected):
        made(signer=Signer(domain="shop.example", selector=f"s1{end}Bcc: evil@attack.example{end}X: x", key=RSA))


def trusting(letter: Letter, *, sender: From, at: datetime) -> Mail:
    """Writes the subject as it comes, as mail libraries did that had the hole."""
    subject = letter.content.subject
    harmless = compose(letter._replace(content=letter.content._replace(subject="")), sender=sender, at=at)
    return harmless._replace(parts=(harmless.content.replace(b"Subject: ", f"Subject: {subject}".encode(), 1),))


def refusing(letter: Letter, *, sender: From, at: datetime) -> Mail:
    """Finds that each of its mails has a header too many."""
    raise HeaderInjected("header_injected", letter.content.subject)


def test_the_self_test_finds_a_hole():
    self_test.refuse_injection()
    for leaky in (trusting, refusing):
        with pytest.raises(NotAllowed):
            self_test.refuse_injection(leaky)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_subject_arrives_as_it_was(text):
    header = quoted.unstructured(text)
    message = email.message_from_bytes(f"Subject: {header}\r\n\r\n".encode())
    assert str(make_header(decode_header(message["Subject"] or ""))).split() == quoted.one_line(text).split()
    assert all(len(line) <= 78 for line in f"Subject: {header}".split("\r\n"))
    assert header.isascii()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2000))
def test_any_body_arrives_as_it_was(text):
    encoded = whole([quoted_printable(text)])
    raw = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded
    got = email.message_from_bytes(raw).get_payload(decode=True).decode()
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")
    assert got.replace("\r\n", "\n").rstrip("\n") == wanted.rstrip("\n")
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert encoded.isascii()
    assert has_clean_lines(encoded)


@given(st.text("ab.\n \t=", max_size=200))
def test_bodies_that_look_like_smtp_arrive_as_they_were(text):
    test_any_body_arrives_as_it_was.hypothesis.inner_test(text)


@given(st.text("ab.\n \t=ü", max_size=300), st.text("a. \n", max_size=100))
def test_a_mail_leaves_as_it_was_signed(html, text):
    """Nothing is evened out for the signature and no dot is doubled on the way: neither would change a byte."""
    mail = made(html=html, text=text)
    body = mail.content.partition(b"\r\n\r\n")[2]
    assert dkim.canonicalization.Relaxed.canonicalize_body(body) == body
    assert has_clean_lines(mail.content)
    assert b"".join(mail.wire) == on_the_wire(mail.content)


def pem(path: Path, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(mode)
    return path


def public(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """The TXT record."""
    from base64 import b64encode

    if isinstance(key, rsa.RSAPrivateKey):
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + b64encode(key.public_key().public_bytes(*form))
    form = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return b"v=DKIM1; k=ed25519; p=" + b64encode(key.public_key().public_bytes(*form))


RSA = rsa.generate_private_key(65537, 2048)
KEYS = [RSA, ed25519.Ed25519PrivateKey.generate()]


@pytest.mark.parametrize("key", KEYS, ids=["rsa", "ed25519"])
@pytest.mark.parametrize("body", ["short", "a  b\t c \n\n\n", "ü " * 500, "", ".\n..\n", "x" * 300])
def test_the_signature_holds_for_another_implementation(home, key, body):
    pem(home / "dkim" / "s1.pem", key)
    mail = made(signer=signer(domain="shop.example", selector="s1"), subject="Grüße " * 20, html=body, text=body)

    def zone(name: bytes, **_: object) -> bytes:
        return public(key) if name.startswith(b"s1._domainkey.shop.example") else b""

    assert dkim.verify(mail.content, dnsfunc=zone)
    signed = re.sub(r"\s", "", mail.content.split(b" h=")[1].split(b";")[0].decode()).split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "from", "subject"} <= set(signed)
    for changed in (mail.content.replace(b"Feedback-ID: 1", b"Feedback-ID: 2"), b"Subject: other\r\n" + mail.content):
        assert not dkim.verify(changed, dnsfunc=zone)


def test_keys_that_are_weak_missing_or_open_to_all_are_refused(home):
    with pytest.raises(NotAllowed, match="no signing key"):
        signer(domain="shop.example", selector="missing")
    with pytest.raises(NotAllowed, match="no signing key"):
        signer(domain="shop.example", selector="../keys")
    pem(home / "dkim" / "open.pem", RSA, mode=0o644)
    with pytest.raises(NotAllowed, match="chmod 600"):
        signer(domain="shop.example", selector="open")
    pem(home / "dkim" / "weak.pem", rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point of it
    with pytest.raises(NotAllowed, match="2048"):
        signer(domain="shop.example", selector="weak")
    (home / "dkim" / "junk.pem").write_text("junk")
    (home / "dkim" / "junk.pem").chmod(0o600)
    with pytest.raises(NotAllowed, match="no usable"):
        signer(domain="shop.example", selector="junk")
