"""Who runs the mailboxes of a domain, by its MX records: asked for in the background, and never in anybody's way."""

import json
from datetime import timedelta
from threading import Lock

import pytest
import time_machine
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.cli import crusoe
from core import clock
from core.db import transaction
from core.settings import settings
from delivery.claim import claim, give_back
from delivery.pace.looking_up import look_up_operators
from delivery.pace.moving import a_label
from delivery.pace.mx_hosts import first_host, operator_of_host, operators_by_host
from delivery.pace.operators import codes, learn_operator
from delivery.tasks import look_up
from tests.delivery.pace.sending import campaign_to
from tests.delivery.sending import rows, write_down
from tests.dns_server import BROKEN, serving

GOOGLE = ["10 alt1.aspmx.l.google.com.", "1 aspmx.l.google.com."]
MICROSOFT = ["0 firma-example.mail.protection.outlook.com."]


class Zone(dict):
    """Notes which other transactions are open whenever the server is asked, one question after the other."""

    def __init__(self, *values):
        super().__init__(*values)
        self.open, self.lock = [], Lock()

    def get(self, key, default=None):
        with self.lock:
            self.open += rows("SELECT query FROM pg_stat_activity WHERE datname = current_database()"
                              " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'")  # fmt: skip
        return super().get(key, default)


@pytest.fixture
def dns(database, monkeypatch):
    zone = Zone({"shop.example MX": GOOGLE, "firma.example MX": MICROSOFT, "own.example MX": ["10 mail.own.example."],
                 "silent.example MX": BROKEN, "none.example MX": ["0 ."]})  # fmt: skip
    with serving(zone) as served:
        monkeypatch.setenv("CRUSOE_RESOLVER", served.address)
        settings.cache_clear()
        yield served
    settings.cache_clear()


def lanes(run_id: int) -> dict[str, int]:
    return dict(
        map(
            tuple,
            rows(
                "SELECT o.code, count(*) FROM message AS m JOIN mail_operator AS o ON o.id = m.operator"
                " WHERE m.run_id = :run GROUP BY 1 ORDER BY 1",
                run=run_id,
            ),
        )
    )


def test_the_longest_known_end_of_a_host_says_whose_it_is():
    names = [
        "aspmx.l.google.com", "gmail-smtp-in.l.google.com", "a.mail.protection.outlook.com",
        "live-com.olc.protection.outlook.com", "firma-de.j-v1.mx.microsoft", "mx1.free.fr", "mx00.kundenserver.de",
        "mx.shop.example", "google.com",
    ]  # fmt: skip
    found = [codes().get(operator_of_host(name) or 0) for name in names]
    assert found == ["google_workspace", "gmail", "microsoft_365", "microsoft", "microsoft_365", "free_fr", "ionos",
                     "other", "other"]  # fmt: skip
    assert all("." in host and host == host.lower() for host in operators_by_host())


@given(st.lists(st.text(max_size=30), max_size=5))
def test_records_of_strangers_never_break_anything(records):
    host = first_host(records)
    assert host is None or operator_of_host(host) is None or host


def test_domains_are_asked_about_as_the_dns_spells_them():
    assert [a_label(one) for one in ("bücher.example", "SHOP.example", "no domain")] == [
        "xn--bcher-kva.example", "shop.example", "no domain",
    ]  # fmt: skip


def test_mail_goes_first_to_the_lowest_preference_and_nowhere_with_a_null_mx():
    assert first_host(["20 b.example.", "5 C.example.", "5 a.example."]) == "a.example"
    assert first_host(["0 ."]) is None


def test_answers_move_what_waits_and_count_from_then_on(dns):
    limits = {"operators": {"google_workspace": {"per_day": 2}}}
    domains = {"shop.example": 6, "firma.example": 3, "own.example": 2, "silent.example": 1, "none.example": 1,
               "gmail.com": 2}  # fmt: skip
    run_id = campaign_to(domains, limits=limits)
    with transaction() as session:
        taken = claim(session, most=5)
        # Whoever works on a mail keeps it as it is.
        held = sum(1 for each in taken.operators.values() if each == 0)
    look_up.run()
    with transaction() as session:
        kept = rows("SELECT count(*) FROM message WHERE state = 'claimed' AND operator = 0")
        give_back(session, taken)
    assert kept == [(held,)]
    assert sum(many for code, many in lanes(run_id).items() if code in {"google_workspace", "microsoft_365"}) >= 4
    shares = dict(map(tuple, rows("SELECT operator, planned FROM run_share")))
    assert shares[0] + shares[43] + shares[44] == 13
    assert {name for name, _ in dns.asked} == {f"{name} MX" for name in domains if name != "gmail.com"}
    assert dns.zone.open == []
    known = "SELECT domain, operator, host, failures FROM mail_domain ORDER BY domain"
    assert rows(known) == [
        ("firma.example", 44, "firma-example.mail.protection.outlook.com", 0), ("none.example", None, None, 0),
        ("own.example", None, "mail.own.example", 0), ("shop.example", 43, "aspmx.l.google.com", 0),
        ("silent.example", None, None, 1),
    ]  # fmt: skip
    shown = CliRunner().invoke(crusoe, ["sender", "domains", "--json"]).stdout
    first, *_ = json.loads(shown)
    assert (first["domain"], first["people"], first["operator"]) == ("shop.example", 6, "google_workspace")
    assert len(json.loads(shown)) == 5
    rows("DELETE FROM message RETURNING 1")
    rows("DELETE FROM run_share RETURNING 1")
    rows("UPDATE run SET planned_at = NULL, planned_up_to = 0, audience = 0 RETURNING 1")
    write_down(run_id)
    assert lanes(run_id) == {"gmail": 2, "google_workspace": 6, "microsoft_365": 3, "other": 4}


def test_answers_are_asked_for_again_and_a_silent_server_changes_nothing(dns):
    run_id = campaign_to({"shop.example": 3, "firma.example": 2})
    assert look_up_operators() == 5
    asked = len(dns.asked)
    assert look_up_operators() == 0
    assert len(dns.asked) == asked
    with time_machine.travel(clock.now() + timedelta(days=31), tick=True):
        dns.zone.update({"shop.example MX": BROKEN, "firma.example MX": BROKEN})
        assert look_up_operators() == 0
        assert lanes(run_id) == {"google_workspace": 3, "microsoft_365": 2}
        # Nobody answered at all: asked again soon, and it counts against no domain.
        assert rows("SELECT DISTINCT failures FROM mail_domain") == [(0,)]
    with time_machine.travel(clock.now() + timedelta(days=31, minutes=11), tick=True):
        dns.zone.update({"shop.example MX": MICROSOFT, "firma.example MX": []})
        assert look_up_operators() == 5
    assert lanes(run_id) == {"microsoft_365": 3, "other": 2}
    assert rows("SELECT domain FROM operator_domain WHERE operator > 42") == [("shop.example",)]
    assert dict(map(tuple, rows("SELECT operator, planned FROM run_share WHERE planned > 0"))) == {44: 3, 0: 2}


def test_a_domain_that_rests_alone_stays_so_and_one_without_addresses_is_forgotten(dns):
    campaign_to({"shop.example": 3, "firma.example": 2})
    with transaction() as session:
        learned = learn_operator(session, domain="shop.example")
    look_up_operators()
    assert {name for name, _ in dns.asked} == {"firma.example MX"}
    rows("DELETE FROM endpoint WHERE value LIKE '%firma.example' RETURNING 1")
    with time_machine.travel(clock.now() + timedelta(days=2), tick=True):
        look_up_operators()
    assert rows("SELECT domain, people FROM mail_domain") == [("shop.example", 3)]
    assert rows("SELECT domain FROM operator_domain WHERE operator > 42") == [("shop.example",)]
    assert learned >= 1000


def test_nobody_is_asked_when_it_is_switched_off_or_names_are_reserved(dns, monkeypatch):
    campaign_to({"shop.example": 1})
    monkeypatch.setenv("CRUSOE_OPERATOR_LOOKUPS", "0")
    settings.cache_clear()
    assert look_up_operators() == 0
    monkeypatch.delenv("CRUSOE_OPERATOR_LOOKUPS")
    monkeypatch.delenv("CRUSOE_RESOLVER")
    settings.cache_clear()
    assert look_up_operators() == 0
    assert dns.asked == []
    assert rows("SELECT answered_at, failures FROM mail_domain") == [(None, 0)]
    monkeypatch.setenv("CRUSOE_RESOLVER", "nonsense")
    settings.cache_clear()
    assert look_up_operators() == 0
