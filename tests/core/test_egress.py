"""Where a webhook must never go, in every spelling."""

import socket
from ipaddress import ip_address

import pytest

from core.egress import check, is_public, way_to
from core.errors import NotAllowed


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "127.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "203.0.113.5",
        "224.0.0.1",
        "[ff02::1]",
        "240.0.0.1",
        "255.255.255.255",
        "localhost",
    ],
)
def test_addresses_that_are_not_public_are_refused(host):
    with pytest.raises((NotAllowed, OSError)):
        way_to(f"https://{host}/", loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "gopher://example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "//example.com/",
        "example.com",
        "https://",
        "https:///x",
        "https://good@127.0.0.1/",
        "https://user:word@example.com/",
        "https://example.com:22/",
        "https://example.com:6379/",
        "https://example.com:5432/",
        "https://example.com:99999/",
        "https://example.com/\r\nHost: inside",
        "https://example.com\\@127.0.0.1/",
        "https://[::1/",
        "https:// example.com/",
        "",
    ],
)
def test_urls_that_no_target_has_are_refused_when_they_are_saved(url):
    with pytest.raises(NotAllowed):
        check(url, loopback=False)


def _resolver(monkeypatch, *answers):
    calls = iter(answers)

    def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(calls)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    _resolver(monkeypatch, ["93.184.215.14", "fd00::1"])
    with pytest.raises(NotAllowed):
        way_to("https://mixed.example/", loopback=False)


def test_a_name_is_asked_once_and_the_answer_is_used(monkeypatch):
    _resolver(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    way = way_to("https://rebinding.example/a?b=c", loopback=False)
    assert way.url == "https://93.184.215.14:443/a?b=c"
    assert way.host_header == "rebinding.example"


def test_addresses_that_somebody_looked_up_are_judged_alike_and_nobody_is_asked_again(monkeypatch):
    _resolver(monkeypatch)
    assert way_to("https://known.example/", loopback=False, known=["93.184.215.14"]).address == "93.184.215.14"
    with pytest.raises(NotAllowed):
        way_to("https://known.example/", loopback=False, known=["93.184.215.14", "10.0.0.1"])


def test_loopback_opens_this_machine_and_nothing_else():
    assert way_to("http://127.0.0.1:8123/x", loopback=True).address == "127.0.0.1"
    for host in ("10.0.0.1", "169.254.169.254", "[fd00::1]"):
        with pytest.raises(NotAllowed):
            way_to(f"http://{host}/", loopback=True)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_public(address):
    assert is_public(ip_address(address))
