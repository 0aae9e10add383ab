"""Keys that sign mail: drawn, published, activated, followed, retired; never seen by anybody."""

import json
import re
from datetime import timedelta

import dkim
import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import crusoe
from core import clock, keys, users
from core.db import transaction
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Role
from core.settings import settings
from delivery.signing import KeyState, activate_key, draw_key, keys_of, retire_key, signers_of
from delivery.signing.models import Algorithm, SigningKey
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.dns_server import serving

DOMAIN = "shop.example"


@pytest.fixture
def boss(database):
    with transaction() as session:
        users.add(session, email="boss@crew.example", role=Role.COMPLIANCE)
        return users.actor(session, "boss@crew.example")


def drawn(actor, *, algorithm=Algorithm.RSA2048, domain=DOMAIN, active=True, selector=None):
    with transaction() as session:
        key = draw_key(session, domain=domain, algorithm=algorithm, actor=actor, selector=selector)
    if active:
        with transaction() as session:
            activate_key(session, domain=domain, selector=key.selector, actor=actor, unchecked="a test")
    return key


def published() -> dict[str, bytes]:
    """What the DNS says about all keys that are not retired."""
    with transaction() as session:
        return {one.record_name: one.record_value.encode() for one in keys_of(session) if one.retired_at is None}


def verified(content: bytes, zone: dict[str, bytes]) -> list[str]:
    """The selectors of the signatures of a mail, each of them checked by dkimpy."""
    checker = dkim.DKIM(content)
    count = len(re.findall(rb"(?mi)^dkim-signature:", content.partition(b"\r\n\r\n")[0]))

    def ask(name: bytes, **_: object) -> bytes:
        return zone.get(name.decode().rstrip("."), b"")

    for number in range(count):
        assert checker.verify(idx=number, dnsfunc=ask)
    return re.findall(r" s=([^;]+);", content.partition(b"\r\n\r\n")[0].decode())


def signing(domain: str = DOMAIN) -> list[str]:
    with transaction() as session:
        return [one.selector for one in signers_of(session, domain=domain, selector=None)]


def test_a_mail_is_signed_by_both_keys_of_its_domain_and_a_rotation_keeps_every_mail_verifiable(boss, sink):
    """RSA first. While a campaign runs its keys change: what was signed before and after holds with what is published.

    The key that was followed signs nothing more, cannot be retired for seven days, and is gone afterwards.
    """
    first, short = drawn(boss), drawn(boss, algorithm=Algorithm.ED25519)
    drawn(boss, domain="other.example")
    run_id = campaign(6)
    sending = worker()
    sending.size = 3
    assert sending.step()
    second = drawn(boss)
    sending.run()
    sending.close()
    assert numbers(run_id) == {"audience": 6, "sent": 6}
    zone = published()
    found = [verified(one.content, zone) for one in sink.deliveries]
    assert found == [[first.selector, short.selector]] * 3 + [[second.selector, short.selector]] * 3

    with transaction() as session:
        states = {one.selector: one.state for one in keys_of(session, domain=DOMAIN)}
    assert states == {
        first.selector: KeyState.FOLLOWED, second.selector: KeyState.SIGNING, short.selector: KeyState.SIGNING,
    }  # fmt: skip
    with transaction() as session, pytest.raises(NotAllowed, match=r"on their way.*Retire it after"):
        retire_key(session, domain=DOMAIN, selector=first.selector, actor=boss)
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)), transaction() as session:
        assert retire_key(session, domain=DOMAIN, selector=first.selector, actor=boss).state is KeyState.RETIRED
    assert rows("SELECT domain, selector FROM signing_key WHERE sealed IS NULL") == [(DOMAIN, first.selector)]
    assert signing() == [second.selector, short.selector]


def test_keys_of_the_table_count_before_the_file_and_each_domain_has_its_own(boss, home):
    from tests.delivery.test_compose import RSA, pem

    pem(home / "dkim" / "file.pem", RSA)
    with transaction() as session:
        assert [one.selector for one in signers_of(session, domain=DOMAIN, selector="file")] == ["file"]
    waiting = drawn(boss, active=False)
    with transaction() as session:
        assert [one.selector for one in signers_of(session, domain=DOMAIN, selector="file")] == ["file"]
    with transaction() as session:
        activate_key(session, domain=DOMAIN, selector=waiting.selector, actor=boss, unchecked="a test")
        # Opened once, however many batches ask.
        (first,), (second,) = (signers_of(session, domain=DOMAIN, selector="file") for _ in range(2))
        assert first is second
        assert [one.selector for one in signers_of(session, domain=DOMAIN, selector="file")] == [waiting.selector]
        assert signers_of(session, domain="other.example", selector=None) == ()


def test_the_private_half_is_sealed_and_shows_nowhere(boss):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = drawn(boss)
    with transaction() as session:
        (signer,) = signers_of(session, domain=DOMAIN, selector=None)
        row = session.query(SigningKey).one()
        private = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        assert private[40:80] not in row.sealed
        assert b"PRIVATE" not in row.sealed
        for shown in (repr(signer), repr(row), repr(key), str(vars(key))):
            assert "PRIVATE" not in shown
            assert "RSAPrivateKey" not in shown
            assert row.sealed.hex()[:40] not in shown
        told = session.execute(
            text("SELECT action, details::text FROM audit_event WHERE object_type = 'signing_key' ORDER BY id")
        ).all()
    assert [action for action, _ in told] == ["signing_key.draw", "signing_key.activate"]
    assert not any("sealed" in details or "PRIVATE" in details for _, details in told)


def test_with_another_key_file_nothing_is_signed_and_what_to_do_is_said(boss, home, sink):
    drawn(boss)
    run_id = campaign(2)
    (home / "keys.json").unlink()
    keys.keys.cache_clear()
    settings.cache_clear()
    sending = worker()
    sending.run()
    sending.close()
    assert sink.deliveries == []
    ((state, reason),) = rows("SELECT state, state_reason FROM run WHERE id = :it", it=run_id)
    assert state == "paused"
    assert "keys.json" in reason
    assert "crusoe dkim new" in reason


def test_a_key_is_activated_once_its_record_is_found_and_only_then(boss, monkeypatch):
    """By the command: the record that `new` prints is the one that `activate` looks for."""

    def run(*words: str) -> dict:
        answer = CliRunner().invoke(crusoe, [*words, "--json"], standalone_mode=False)
        return json.loads(answer.stdout)

    made = run("dkim", "new", "Shop.Example.", "--algorithm", "ed25519", "--as", boss.email)
    assert made["record_name"] == f"{made['selector']}._domainkey.shop.example"
    assert "crusoe dkim activate" in made["next_step"]
    zone = {"shop.example TXT": ["v=spf1 -all"]}
    with serving(zone) as names:
        monkeypatch.setenv("CRUSOE_RESOLVER", names.address)
        settings.cache_clear()
        activate = ("dkim", "activate", DOMAIN, made["selector"], "--as", boss.email)
        refused = run(*activate)["error"]
        assert refused["code"] == "key_not_published"
        assert made["record_value"] in refused["remedy"]
        assert signing() == []
        zone[f"{made['record_name']} TXT"] = [made["record_value"]]
        assert run(*activate)["state"] == "signing"
    assert signing() == [made["selector"]]
    monkeypatch.delenv("CRUSOE_RESOLVER")
    settings.cache_clear()
    other = run("dkim", "new", DOMAIN, "--algorithm", "ed25519", "--as", boss.email)
    activate = ("dkim", "activate", DOMAIN, other["selector"], "--as", boss.email)
    assert run(*activate)["error"]["code"] == "dns_unreachable"
    done = run(*activate, "--unchecked", "no DNS in the test room")
    assert f"crusoe dkim retire {DOMAIN} {made['selector']}" in done["next_step"]
    assert rows("SELECT reason FROM audit_event WHERE action = 'signing_key.activate' ORDER BY id") == [
        (None,), ("no DNS in the test room",),
    ]  # fmt: skip
    listed = run("dkim", "list", DOMAIN)
    assert [one["state"] for one in listed] == ["signing", "followed"]


def test_what_cannot_be_done_with_a_key_is_refused_with_a_sentence(boss):
    key = drawn(boss, selector="s1")
    with transaction() as session:
        users.add(session, email="mark@crew.example", role=Role.MARKETER)
        marketer = users.actor(session, "mark@crew.example")
        with pytest.raises(NotAllowed, match=r"senders\.manage"):
            draw_key(session, domain=DOMAIN, algorithm=Algorithm.ED25519, actor=marketer)
        for wrong in ("s1", "S1", "../keys", "a..b", "", "x" * 80, "a b"):
            with pytest.raises(WrongInput, match="cannot be the selector"):
                draw_key(session, domain=DOMAIN, algorithm=Algorithm.ED25519, actor=boss, selector=wrong)
        with pytest.raises(WrongInput):
            draw_key(session, domain="no domain", algorithm=Algorithm.ED25519, actor=boss)
        with pytest.raises(NotFound, match="no signing key"):
            activate_key(session, domain=DOMAIN, selector="s2", actor=boss)
        with pytest.raises(NotAllowed, match="activated before"):
            activate_key(session, domain=DOMAIN, selector="s1", actor=boss)
        with pytest.raises(NotAllowed, match="signs mail now"):
            retire_key(session, domain=DOMAIN, selector=key.selector, actor=boss)
        assert retire_key(session, domain=DOMAIN, selector="s1", actor=boss, at_once="stolen").state == "retired"
        with pytest.raises(NotAllowed, match="is retired"):
            retire_key(session, domain=DOMAIN, selector="s1", actor=boss, at_once="again")
