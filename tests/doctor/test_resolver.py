"""Asking a real DNS server on loopback: over UDP and TCP, in bounded time, one state for every way not to answer."""

import socket

import pytest

from core.errors import WrongInput
from core.settings import settings
from delivery.doctor import Resolver, examine
from delivery.doctor.answers import State
from delivery.doctor.resolver import place
from delivery.doctor.run import MOST_QUESTIONS
from tests.dns_server import BROKEN, SILENT, serving
from tests.doctor.judging import subject

LONG = "v=spf1 " + " ".join(f"ip4:203.0.113.{n}" for n in range(250)) + " ip4:192.0.2.10 -all"
ZONE = {
    "shop.example TXT": [LONG], "shop.example MX": ["10 mail.shop.example."], "mail.shop.example A": ["192.0.2.10"],
    "10.2.0.192.in-addr.arpa PTR": ["mail.shop.example."], "_dmarc.shop.example TXT": SILENT,
    "_25._tcp.mail.shop.example TLSA": [f"3 1 1 {'ab' * 32}"],
    "default._bimi.shop.example TXT": BROKEN, "hostile.example TXT": ['\x00\x1b[31m"\\;' + "ü" * 3000],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _of_its_own(home, monkeypatch):
    yield
    settings.cache_clear()


def test_a_whole_look_over_the_wire(monkeypatch):
    """Long answers come over TCP; what is silent or broken is not answered, and the rest is judged all the same."""
    with serving(ZONE) as names:
        monkeypatch.setenv("CRUSOE_RESOLVER", names.address)
        settings.cache_clear()
        resolver = Resolver(seconds=0.3)
        found = examine(subject(ips=["192.0.2.10"]), ask=resolver)
        hostile = resolver({("hostile.example", "TXT")})[("hostile.example", "TXT")]
        odd = resolver({("a" * 70 + ".example", "A"), ("a..example", "A"), ("\\", "A"), ("ü.example", "A")})
    codes = {one.code for one in found.findings}
    assert {"spf_good", "mx_good", "ptr_good", "mta_sts_missing", "dane_good", "not_answered"} <= codes
    assert {one.about for one in found.findings if one.code == "not_answered"} >= {"default._bimi.shop.example"}
    assert not any(code.startswith(("dmarc", "bimi")) for code in codes)
    assert ("shop.example TXT", "tcp") in names.asked
    assert ("mail.shop.example A", "tcp") not in names.asked
    assert hostile.state is State.FOUND
    assert len(hostile.records[0]) > 3000
    assert all(answer.state is State.ABSENT for answer in odd.values())


def test_nobody_is_asked_about_names_for_examples_unless_a_resolver_was_named():
    found = examine(subject(), ask=Resolver())
    assert [one.code for one in found.findings] == ["not_answered"]
    assert not found.is_answered


def test_a_resolver_that_is_away_ends_in_one_finding_in_bounded_time(home):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        found = examine(subject(ips=["192.0.2.10"]), ask=Resolver(address, seconds=0.2, whole=0.4))
    assert [one.code for one in found.findings] == ["not_answered"]
    assert not found.is_answered


def test_a_domain_that_leads_on_for_ever_is_left():
    """Every name has the longest policy that it may, pointing to more names."""
    asked = 0

    def ask(questions):
        from delivery.doctor.answers import Answer

        nonlocal asked
        asked += len(questions)
        hosts = tuple(f"10 m{n}.{name}." for name, _ in questions for n in range(10))[:10]
        policy = "v=spf1 " + " ".join(f"include:i{n}.shop.example mx:i{n}.shop.example" for n in range(9)) + " -all"
        answers = {"TXT": (policy,), "MX": hosts}
        return {(name, kind): Answer(State.FOUND, answers.get(kind, ("192.0.2.1",))) for name, kind in questions}

    found = examine(subject(ips=[f"198.51.{n // 250}.{n % 250}" for n in range(600)]), ask=ask)
    assert asked == MOST_QUESTIONS
    assert any(one.code == "not_answered" for one in found.findings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_a_resolver_is_named_by_its_address(text, expected):
    assert place(text) == expected


@pytest.mark.parametrize("text", ["", "dns.example", "192.0.2.53:0", "192.0.2.53:99999", "192.0.2.53:x"])
def test_what_is_no_address_of_a_resolver_is_refused_with_an_example(text):
    with pytest.raises(WrongInput, match="CRUSOE_RESOLVER"):
        place(text)
