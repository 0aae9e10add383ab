"""Signing eight mails at once gives the bytes that signing them one by one gives, or is not done at all."""

import ctypes
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from core.settings import settings
from delivery import letters, multi_buffer
from delivery.compose import From, Letter, draft
from delivery.dkim import Signer, sign_all
from delivery.dkim_cli import dkim_group
from delivery.multi_buffer import LANES, lanes_of
from delivery.smtp import Mail
from templates import Rendered, as_quoted

KEY, OTHER = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
MANY = [1, 2, 7, LANES, LANES + 1, 3 * LANES]

pytestmark = pytest.mark.usefixtures("home")


class Library:
    """Computes what the library computes, in plain numbers: on any processor. `wrong_from`: a slip at that call."""

    def __init__(self, wrong_from: int | None = None) -> None:
        self.calls, self.wrong_from = 0, wrong_from
        self.mbx_get_algo_info = Function(lambda _algorithm: LANES)
        self.mbx_RSA2K_private_crt_Method = Function(lambda: 1)
        self.mbx_RSA2K_pub65537_Method = Function(lambda: 2)
        self.mbx_rsa_private_crt_mb8 = Function(self._private)
        self.mbx_rsa_public_mb8 = Function(self._public)

    def _private(self, given, into, *key_and_rest) -> int:
        self.calls += 1
        slip = self.wrong_from is not None and self.calls >= self.wrong_from
        for lane in range(LANES):
            padded = number(given[lane], 256, "big")
            p, q, dp, dq, iq = (number(part[lane], 128) for part in key_and_rest[:5])
            rest = pow(padded, dq, q) ^ slip
            signed = rest + q * (iq * (pow(padded, dp, p) - rest) % p)
            ctypes.memmove(into[lane], signed.to_bytes(256, "big"), 256)
        return 0

    def _public(self, given, into, modulus, *_rest) -> int:
        for lane in range(LANES):
            opened = pow(number(given[lane], 256, "big"), 65537, number(modulus[lane], 256))
            ctypes.memmove(into[lane], opened.to_bytes(256, "big"), 256)
        return 0


class Function:
    """A function of a library, which can be told what it takes and answers."""

    def __init__(self, call) -> None:
        self.call = call

    def __call__(self, *values) -> int:
        return self.call(*values)


def number(at: int, size: int, order: str = "little") -> int:
    return int.from_bytes(ctypes.string_at(at, size), order)


@contextmanager
def found(library: Library | None) -> Iterator[None]:
    """The system finds this library, or none, wherever somebody asks for one by name."""

    def find(name: str) -> Library:
        if library is None:
            raise OSError(f"{name}: cannot open shared object file")
        return library

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctypes, "CDLL", find)
        multi_buffer._library.cache_clear()
        yield
    multi_buffer._library.cache_clear()


@pytest.fixture
def library() -> Iterator[Library]:
    made = Library()
    with found(made):
        yield made


def data(many: int) -> list[bytes]:
    return [f"mail {n}".encode() for n in range(many)]


def one_by_one(key, many: int) -> list[bytes]:
    return [key.sign(one, PKCS1v15(), SHA256()) for one in data(many)]


@pytest.mark.parametrize("many", MANY)
def test_eight_at_once_are_the_signatures_of_one_by_one(library, many):
    assert Signer("shop.example", "s1", KEY).sign(data(many)) == one_by_one(KEY, many)
    assert library.calls > 1 or many < multi_buffer.FEWEST


@pytest.mark.parametrize("many", MANY)
def test_the_library_of_this_machine_makes_them_too(many):
    lanes = lanes_of(KEY)
    if lanes is None:
        pytest.skip("this machine has no libcrypto_mb or no AVX-512 IFMA")
    assert lanes.sign([sha256(one).digest() for one in data(many)]) == one_by_one(KEY, many)


def test_a_library_that_signs_wrongly_is_not_used():
    with found(Library(wrong_from=1)):
        assert lanes_of(KEY) is None
        assert Signer("shop.example", "s1", KEY).sign(data(LANES)) == one_by_one(KEY, LANES)


def test_a_signature_that_a_slip_of_the_processor_spoiled_never_leaves(library):
    """It would tell the key to whoever sees it."""
    signer = Signer("shop.example", "s1", KEY)
    assert signer.sign(data(LANES)) == one_by_one(KEY, LANES)
    library.wrong_from = library.calls + 1
    with pytest.raises(RuntimeError, match="does not fit"):
        signer.sign(data(LANES))


@pytest.mark.parametrize("key", [generate_private_key(65537, 3072), generate_private_key(3, 2048)])
def test_other_keys_sign_one_by_one(library, key):
    assert lanes_of(key) is None
    assert Signer("shop.example", "s1", key).sign(data(LANES)) == one_by_one(key, LANES)
    assert library.calls == 0


def test_who_does_not_want_it_signs_one_by_one(library, monkeypatch):
    monkeypatch.setenv("CRUSOE_MULTI_BUFFER", "false")
    settings.cache_clear()
    assert lanes_of(KEY) is None
    assert not multi_buffer.is_possible()


def test_operators_see_how_fast_their_machine_signs(library):
    def asked() -> dict:
        result = CliRunner().invoke(dkim_group, ["speed", "--seconds", "0.01", "--json"], catch_exceptions=False)
        return json.loads(result.stdout)

    answer = asked()
    assert answer["one_by_one"] > 0
    assert answer["eight_at_once"] > 0
    assert answer["next_step"] == ""
    with found(None):
        answer = asked()
    assert answer["eight_at_once"] is None
    assert "libcrypto_mb" in answer["next_step"]


SIGNERS = (Signer("shop.example", "s1", KEY), Signer("shop.example", "s2", Ed25519PrivateKey.generate()))


def made(n: int, *, signers=SIGNERS):
    letter = Letter(
        message_id=n,
        recipient=f"p{n}@mail.example",
        content=as_quoted(Rendered(subject=f"Mail {n}", html=f"<p>{n}</p>", text=str(n))),
        unsubscribe_url=None,
        feedback_id="1:newsletter:1:news",
    )
    sender = From("Shop", "news@shop.example", "bounce.shop.example", signers=signers)
    return draft(letter, sender=sender, at=datetime(2026, 11, 21, tzinfo=UTC))


def test_each_mail_gets_its_own_signatures_in_the_order_of_its_keys(library):
    drafts = [made(n, signers=SIGNERS[n % 2 :]) for n in range(2 * LANES)]
    alone = [line for one in drafts for line in sign_all(one.unsigned)]
    assert sign_all(line for one in drafts for line in one.unsigned) == alone
    mails = letters.finish(drafts)
    assert [mail.content.count(b"DKIM-Signature:") for mail in mails] == [2 - n % 2 for n in range(2 * LANES)]
    assert [mail.recipient for mail in mails] == [f"p{n}@mail.example" for n in range(2 * LANES)]


def test_one_bad_mail_among_eight_loses_no_other(library):
    bad = Signer("shop.example", "s1\r\nBcc: evil@attack.example\r\nX: x", OTHER)
    drafts = ["there is no address any more", *(made(n, signers=(bad,) if n == 3 else SIGNERS) for n in range(7))]
    mails = letters.finish(drafts)
    assert [isinstance(one, Mail) for one in mails] == [False, True, True, True, False, True, True, True]
    assert mails[0] == drafts[0]
    assert mails[4].startswith("header_injected")
