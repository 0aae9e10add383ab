"""Looks at senders: asked for, had by a worker, kept with their date; and what they do to campaigns and pages."""

import json
from datetime import timedelta

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select

from app.cli import crusoe
from app.web import create_app
from campaigns import check_campaign, lock
from campaigns.conductor import start_due
from core import clock, users
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from core.permissions import Role
from core.settings import settings
from delivery.doctor.effects import effects, set_effect
from delivery.doctor.findings import CATALOGUE, Effect, Severity
from delivery.doctor.run import Examination
from delivery.doctor.store import ask_daily, keep_look, latest_look, request_look, waiting_since
from delivery.doctor.titles import TITLES
from delivery.models import Sender
from delivery.tasks import look_at_senders
from tests.browsing import post, signed_in
from tests.campaigns.planning import (
    approved_by,
    check,
    configure,
    launched_by,
    rows,
    somebody,
    submitted_by,
    with_people,
)  # fmt: skip
from tests.dns_server import serving

GOOD = {
    "shop.example TXT": ["v=spf1 ip4:192.0.2.10 -all"], "shop.example MX": ["10 mail.shop.example."],
    "mail.shop.example A": ["192.0.2.10"], "10.2.0.192.in-addr.arpa PTR": ["mail.shop.example."],
    "_dmarc.shop.example TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"],
}  # fmt: skip


@pytest.fixture
def names(database, monkeypatch):
    """A DNS server whose zone a test may change, and a worker that asks it."""
    with serving(dict(GOOD)) as served:
        monkeypatch.setenv("CRUSOE_RESOLVER", served.address)
        monkeypatch.setenv("CRUSOE_SENDING_IPS", "192.0.2.10, other=192.0.2.99")
        settings.cache_clear()
        yield served


def sender_id() -> int:
    with transaction() as session:
        return session.scalars(select(Sender.id)).one()


def looked() -> None:
    with transaction() as session:
        request_look(session, sender_id=sender_id(), by="test")
    while look_at_senders.verb():
        pass


def found_codes() -> set[str]:
    with transaction() as session:
        look = latest_look(session, sender_id=sender_id())
        return {finding.code for finding, _ in look.findings} if look else set()


def test_what_blocks_keeps_a_campaign_from_its_check_and_from_its_launch_until_it_is_mended(names, tmp_path):
    configure(tmp_path)
    with_people("ada")
    marta, rolf = somebody(Role.MARKETER, "mia"), somebody(Role.RELEASER, "rolf")
    looked()
    assert {"spf_good", "dmarc_good", "ptr_good", "mx_good", "dkim_none"} <= found_codes()
    result = check()
    assert not result["blocking"]
    assert {one["code"]: one["severity"] for one in result["findings"]}["dkim_none"] == "warn"
    submitted_by(marta)
    approved_by(rolf)

    names.zone["_dmarc.shop.example TXT"] = []
    looked()
    with pytest.raises(NotAllowed, match="DMARC") as refused:
        launched_by(rolf)
    assert refused.value.details == {"findings": ["dmarc_missing"]}
    assert rows("SELECT state FROM campaign") == [("approved",)]
    # A look that nobody answered proves nothing: what was wrong before is still taken for wrong.
    with transaction() as session:
        keep_look(session, sender_id=sender_id(), by="test", found=Examination((), asked=3, unanswered=3))
    with pytest.raises(NotAllowed, match="DMARC"):
        launched_by(rolf)

    names.zone["_dmarc.shop.example TXT"] = GOOD["_dmarc.shop.example TXT"]
    looked()
    launched_by(rolf)
    assert rows("SELECT state FROM campaign") == [("sending",)]


def test_a_campaign_whose_time_comes_while_its_sender_is_unsound_goes_back_to_its_author(names, tmp_path):
    configure(tmp_path)
    with_people("ada")
    marta, rolf = somebody(Role.MARKETER, "mia"), somebody(Role.RELEASER, "rolf")
    rows("UPDATE campaign SET scheduled_at = now() - interval '1 minute' RETURNING 1")
    check()
    submitted_by(marta)
    approved_by(rolf)
    rows("UPDATE campaign SET state = 'scheduled' RETURNING 1")
    names.zone["shop.example MX"] = ["0 ."]
    looked()
    with transaction() as session:
        assert start_due(session) == 0
    assert rows("SELECT state FROM campaign") == [("draft",)]
    ((reason,),) = rows("SELECT reason FROM audit_event WHERE action = 'campaign.draft'")
    assert "null MX" in reason


def test_a_check_that_finds_something_blocking_fails_and_a_decision_can_lower_it(names, tmp_path):
    configure(tmp_path)
    with_people("ada")
    boss = somebody(Role.COMPLIANCE, "boss")
    names.zone["shop.example TXT"] = ["v=spf1 ip4:198.51.100.1 -all"]
    looked()
    result = check()
    assert result["blocking"]
    assert [(one["code"], one["where"]) for one in result["findings"] if one["severity"] == "fail"] == [
        ("spf_refused", "192.0.2.10")
    ]
    with transaction() as session:
        set_effect(session, code="spf_refused", effect=Effect.WARN, actor=boss, reason="the relay rewrites it")
    assert not check()["blocking"]
    assert rows("SELECT actor, reason, details->>'after' FROM audit_event WHERE action = 'finding.effect'") == [
        (boss.email, "the relay rewrites it", "warn")
    ]
    with transaction() as session:
        for code, reason in (("spf_good", "x"), ("nothing", "x"), ("mx_null", " ")):
            with pytest.raises(WrongInput):
                set_effect(session, code=code, effect=Effect.BLOCK, actor=boss, reason=reason)
        users.add(session, email="mark@crew.example", role=Role.MARKETER)
        with pytest.raises(NotAllowed):
            set_effect(session, code="mx_null", effect=Effect.INFORM, actor=users.actor(session, "mark@crew.example"),
                       reason="I want to")  # fmt: skip


def test_silence_of_the_dns_informs_and_never_blocks(database, tmp_path):
    """As on a machine without a network: no resolver is set, and the domain is one of examples."""
    configure(tmp_path)
    with_people("ada")
    before = check()
    looked()
    assert found_codes() == {"not_answered"}
    after = check()
    assert after["findings"] == before["findings"]
    assert not after["blocking"]
    with transaction() as session:
        assert effects(session)["not_answered"] is Effect.INFORM
        assert not latest_look(session, sender_id=sender_id()).is_answered


@pytest.mark.parametrize(("name", "text"), [("CRUSOE_RESOLVER", "dns.example"), ("CRUSOE_SENDING_IPS", "192.0.2.0/24")])
def test_a_setting_that_cannot_be_used_is_named_instead_of_waited_for(database, tmp_path, monkeypatch, name, text):
    configure(tmp_path)
    monkeypatch.setenv(name, text)
    settings.cache_clear()
    looked()
    with transaction() as session:
        ((finding, effect),) = latest_look(session, sender_id=sender_id()).findings
    assert finding.code == "not_answered"
    assert effect is Effect.INFORM
    assert text in finding.message
    assert name in finding.remedy


def test_a_look_that_is_too_old_says_nothing_about_today(names, tmp_path):
    configure(tmp_path)
    names.zone["_dmarc.shop.example TXT"] = []
    looked()
    assert check()["blocking"]
    with time_machine.travel(clock.now() + timedelta(days=8)), transaction() as session:
        assert not check_campaign(session, campaign=lock(session, "autumn"), actor="test")["blocking"]


def test_looks_are_asked_for_once_and_every_day_and_outlive_a_lost_process(names, tmp_path):
    configure(tmp_path)
    with transaction() as session:
        assert ask_daily(session, asks_reserved=False) == 0
        assert ask_daily(session, asks_reserved=True) == 1
        request_look(session, sender_id=sender_id(), by="somebody else")
    assert rows("SELECT count(*) FROM sender_examination") == [(1,)]
    # A process takes it up and dies.
    rows("UPDATE sender_examination SET started_at = now() RETURNING 1")
    assert not look_at_senders.verb()
    rows("UPDATE sender_examination SET started_at = now() - interval '3 minutes' RETURNING 1")
    assert look_at_senders.verb()
    with transaction() as session:
        assert waiting_since(session, sender_id=sender_id()) is None
        assert ask_daily(session, asks_reserved=True) == 0
    assert "spf_good" in found_codes()
    rows("UPDATE sender_examination SET done_at = now() - interval '91 days' RETURNING 1")
    looked()
    assert rows("SELECT count(*) FROM sender_examination") == [(1,)]


def test_the_command_shows_what_receivers_see_and_keeps_it(names, tmp_path):
    configure(tmp_path)

    def run(*words: str) -> dict:
        return json.loads(CliRunner().invoke(crusoe, ["doctor", *words, "--json"], standalone_mode=False).stdout)

    found = run("Shop.Example")
    assert {key: found[key] for key in ("domain", "state", "senders", "blocks")} == {
        "domain": "shop.example", "state": "answered", "senders": ["news"], "blocks": False,
    }  # fmt: skip
    assert found["counts"] == {"good": 4, "warn": 2, "info": 4}
    assert set(found["findings"][0]) == {
        "code", "severity", "effect", "about", "message", "remedy", "found", "record", "source", "senders",
    }  # fmt: skip
    assert "spf_good" in found_codes()
    refused = run("shop.example", "--ip", "192.0.2.77")
    assert refused["blocks"]
    assert {"spf_refused", "ptr_missing"} <= {one["code"] for one in refused["findings"]}
    assert "spf_refused" not in found_codes()
    stranger = run("nobody.test")
    assert stranger["senders"] == []
    assert {"spf_missing", "mx_missing"} <= {one["code"] for one in stranger["findings"]}
    assert run("no domain")["error"]["where"] == "domain"
    assert run("shop.example", "--ip", "x")["error"]["code"] == "sending_ips"
    names.zone["shop.example TXT"] = ["v=spf1 x=\x1b[31m ip4:198.51.100.1 -all"]
    shown = CliRunner().invoke(crusoe, ["doctor", "shop.example"], standalone_mode=False).stdout
    assert "keeps campaigns from being released" in shown
    assert "\x1b[31m" not in shown


def test_every_finding_has_an_effect_a_source_and_where_it_can_be_bad_a_title(database):
    with transaction() as session:
        assert effects(session).keys() == CATALOGUE.keys()
    assert all(source for _, source in CATALOGUE.values())
    assert TITLES.keys() == {code for code, (severity, _) in CATALOGUE.items() if severity is not Severity.GOOD}


def test_the_pages_show_findings_keys_and_decisions_in_both_languages(names, tmp_path):
    configure(tmp_path)
    app = create_app()
    boss, marketer = signed_in(app, Role.COMPLIANCE), signed_in(app, Role.MARKETER)
    assert "Nobody has looked yet" in boss.get("/senders/news/doctor").text
    assert post(marketer, "/senders/news/doctor").status_code == 302
    assert 'hx-trigger="every 1s"' in boss.get("/senders/news/doctor").text
    names.zone["shop.example TXT"] = ["v=spf1 ip4:198.51.100.1 <script>alert(1)</script> -all"]
    while look_at_senders.verb():
        pass
    shown = boss.get("/senders/news/doctor").text
    assert "spf_broken" in shown
    assert "<script>alert(1)" not in shown
    assert "hx-trigger" not in boss.get("/senders/news/doctor/progress").text
    assert ">1 blocks<" in boss.get("/senders/").text

    assert post(boss, "/senders/news/keys", algorithm="ed25519").status_code == 302
    ((selector,),) = rows("SELECT selector FROM signing_key")
    page = boss.get("/senders/news/doctor").text
    assert f"{selector}._domainkey.shop.example" in page
    assert "v=DKIM1; k=ed25519; p=" in page
    assert post(boss, f"/senders/news/keys/{selector}/activate").status_code == 403
    assert post(boss, f"/senders/news/keys/{selector}/activate", unchecked="a test").status_code == 302
    assert post(boss, f"/senders/news/keys/{selector}/retire").status_code == 403
    assert post(boss, f"/senders/news/keys/{selector}/retire", at_once="a test").status_code == 302
    assert post(boss, "/senders/news/keys", algorithm="md5").status_code == 422
    assert post(marketer, "/senders/news/keys", algorithm="ed25519").status_code == 403
    assert boss.get("/senders/nobody/doctor").status_code == 404

    assert "spf_refused" in marketer.get("/senders/findings").text
    assert post(boss, "/senders/findings", code="spf_refused", effect="warn", reason="").status_code == 422
    assert post(boss, "/senders/findings", code="spf_refused", effect="warn", reason="a test").status_code == 302
    assert "a test" in marketer.get("/senders/findings").text
    for path in ("/senders/", "/senders/news/doctor", "/senders/findings"):
        rows("UPDATE user_account SET locale = 'de' RETURNING 1")
        assert boss.get(path).status_code == 200
    assert "Absender-Doktor" in boss.get("/senders/news/doctor").text
    assert "Empfänger können" in boss.get("/senders/news/doctor").text
