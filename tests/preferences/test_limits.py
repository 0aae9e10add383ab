"""A form cannot be used to flood strangers: not from one place, however many addresses it has, and not by one form."""

from datetime import timedelta
from ipaddress import IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from core import clock
from core.db import transaction
from preferences import limits
from preferences.limits import MOST_PER_FORM_AND_HOUR, MOST_PER_IP_AND_HOUR, place
from tests.preferences import scene

ASKED = "SELECT count(*) FROM signup_request"


def asked() -> int:
    with transaction() as session:
        return session.scalar(text(ASKED))


def copies(many: int, *, minutes: int, ip: str) -> None:
    """So many requests like the first one, so many minutes ago, from here."""
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO signup_request (form_id, address_id, consent_id, token_sha256, text_version, locale, ip,"
                " requested_at, expires_at) SELECT form_id, address_id, consent_id, token_sha256, text_version, locale,"
                " :ip, :at, :at FROM signup_request, generate_series(1, :many) WHERE id = 1"
            ),
            {"many": many, "ip": ip, "at": clock.now() - timedelta(minutes=minutes)},
        )


def test_one_place_and_one_form_ask_only_so_many_in_an_hour(client):
    scene.form()
    near, far = {"REMOTE_ADDR": "2001:db8:1:2::7"}, {"REMOTE_ADDR": "192.0.2.9"}

    def ask(name: str, where: dict[str, str]) -> bool:
        before = asked()
        sent = {"email": f"{name}@mail.example", "consent": "yes", "website": "", "shown": scene.form_shown(client)}
        assert client.post("/s/news", data=sent, environ_base=where).status_code == 200
        return asked() > before

    assert ask("ann", near)
    copies(MOST_PER_IP_AND_HOUR - 2, minutes=9, ip="2001:db8:1:2::/64")
    assert ask("ben", near | {"REMOTE_ADDR": "2001:db8:1:2:ffff::1"})
    assert not ask("cleo", near | {"REMOTE_ADDR": "2001:db8:1:2:abcd::1"})
    assert ask("dora", near | {"REMOTE_ADDR": "2001:db8:1:3::1"})
    copies(MOST_PER_FORM_AND_HOUR, minutes=61, ip="192.0.2.1")
    assert ask("emil", far)
    copies(MOST_PER_FORM_AND_HOUR, minutes=59, ip="192.0.2.1")
    assert not ask("fritz", far)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_all_addresses_of_a_network_are_one_place(network, one, other):
    first, second = (str(IPv6Address(network << 64 | host)) for host in (one, other))
    mapped = network == 0
    assert mapped or place(first) == place(second)
    assert mapped or place(str(IPv6Address((network ^ 1) << 64 | one))) != place(first)


def test_an_ipv4_address_is_a_place_of_its_own_in_both_spellings():
    assert place("192.0.2.1") == place("::ffff:192.0.2.1") == "192.0.2.1"
    assert (place(None), place("nowhere")) == (None, "nowhere")
    assert timedelta(days=7) == limits.LIFETIME
    assert timedelta(days=14) >= limits.FORGOTTEN_AFTER
