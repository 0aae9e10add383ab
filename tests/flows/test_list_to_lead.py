"""The whole way, as the example folder walks it: from the files of a bank to a lead that sales accepted."""

import json
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask import Flask

from app.cli import crusoe
from app.web import create_app
from contacts import choose, find_address
from contacts.models import TrackingLevel
from core.db import transaction
from core.settings import settings
from lead_handover.tasks import score
from tests.campaigns.planning import work_until_done
from tests.flows import branch_bank
from tests.smtp_sink import Sink
from tracking import READING
from tracking.hits import wrap
from tracking.tasks import consume, judge

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
ANNA = "anna@firma-de.example"


def run(*arguments: object, code: int = 0) -> Any:
    """One command, as a person would type it."""
    done = CliRunner().invoke(crusoe, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture
def sink(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


@pytest.fixture
def bank(database: str, tmp_path: Path) -> dict[str, Any]:
    """The bank with its people, lists and users. Answers what each import said."""
    branch_bank.write(tmp_path)
    for name, role in {"marta": "marketer", "rita": "releaser", "sue": "sales"}.items():
        run("user", "add", f"{name}@bank.example", "--role", role)
    run("apply", branch_bank.EXAMPLE)
    mapping = branch_bank.EXAMPLE / "contacts.map.yaml"
    said = {"contacts": run("import", "contacts", tmp_path / "contacts.csv", "--map", mapping)}
    for kind in ("consents", "orders", "optouts"):
        said[kind] = run("import", kind, tmp_path / f"{kind}.csv")
    run("lists", "import", "at.ecg.file", tmp_path / "ecg-liste.hash")
    with transaction() as session:
        choose(session, find_address(session, ANNA) or 0, tracking=TrackingLevel.INDIVIDUAL)
    return said


def launch() -> None:
    run("campaign", "check", "autumn-savings")
    run("campaign", "submit", "autumn-savings", "--as", "marta@bank.example")
    run("campaign", "approve", "autumn-savings", "--as", "marta@bank.example", code=2)
    run("campaign", "approve", "autumn-savings", "--as", "rita@bank.example")
    run("campaign", "launch", "autumn-savings", "--as", "marta@bank.example")
    work_until_done()


def links(sink: Sink, recipient: str, kind: str) -> list[str]:
    content = next(each.content for each in sink.taken if each.recipient == recipient)
    body = message_from_bytes(content, policy=policy.SMTP).get_body(("html",)).get_content()
    return [urlsplit(link).path for link in re.findall(rf'"(https?://[^"]+/{kind}/[^"]+)"', body)]


def read_and_click(sink: Sink) -> None:
    """Anna takes the time that a person takes, sees the picture and follows two links."""
    sleep(READING.total_seconds() + 0.2)
    site = Flask("behind")
    site.wsgi_app = wrap(create_app().wsgi_app)  # type: ignore[method-assign]
    browser = site.test_client()
    for path in (*links(sink, ANNA, "o"), *links(sink, ANNA, "c")[:1] * 2):
        assert browser.get(path, headers={"User-Agent": PERSON}).status_code in {200, 302}
    while consume.verb():
        pass
    judge.verb()
    score.verb()


def test_the_bad_row_is_named_and_everybody_else_gets_in(bank):
    said = bank["contacts"]
    assert (said["rows"], said["created"], said["rejected"]) == (8, 7, 1)
    assert "nobody at all" in Path(said["errors_file"]).read_text()
    assert [bank[kind]["created"] for kind in ("consents", "orders", "optouts")] == [5, 1, 1]


def test_before_during_and_after_sending_the_numbers_are_the_same(bank, sink):
    reckoned = run("decide", "--segment", "savers")
    assert {key: reckoned[key] for key in ("audience", "send", "hold", "block")} == {
        "audience": 6, "send": 2, "hold": 2, "block": 2,
    }  # fmt: skip
    assert reckoned["reasons"] == {
        "consent": 1, "existing_customer": 1, "consent_stale": 1, "robinson_listed": 1, "opted_out": 1,
        "opt_in_unconfirmed": 1,
    }  # fmt: skip
    checked = run("campaign", "check", "autumn-savings")
    assert {key: checked[key] for key in reckoned} == reckoned
    launch()
    report = run("campaign", "report", "autumn-savings")
    assert [report[key] for key in ("audience", "sent", "held", "blocked", "in_flight")] == [6, 2, 2, 2, 0]
    assert sorted(each.recipient for each in sink.taken) == [ANNA, "finn@firma-at.example"]


def test_every_refusal_can_be_explained_with_its_proof(bank, sink):
    launch()
    ben, cem, dora, eva = (
        run("why", f"{name}", "--campaign", "autumn-savings")[0]
        for name in ("ben@firma-de.example", "cem@firma-de.example", "dora@firma-de.example", "eva@firma-at.example")
    )
    assert ben["reasons"][0] == "opted_out"
    assert ben["evidence"]["suppression_entry"]["cause"] == "opted_out"
    assert (cem["verdict"], cem["reasons"]) == ("hold", ["consent_stale"])
    assert (dora["verdict"], dora["reasons"]) == ("block", ["opt_in_unconfirmed"])
    assert (eva["verdict"], eva["reasons"]) == ("hold", ["robinson_listed"])
    assert eva["evidence"]["listed_in"]["sha256"] == eva["lists"]["at.ecg.file"]["sha256"]
    assert {each["approved_by"] for each in (ben, cem, dora, eva)} == {"rita@bank.example"}


def test_who_reads_and_clicks_becomes_a_lead_that_sales_accepts(bank, sink):
    launch()
    read_and_click(sink)
    report = run("campaign", "report", "autumn-savings")
    assert (report["human_opens"], report["human_clicks"]) == (1, 1)
    (lead,) = run("leads", "list")
    assert lead["state"] == "open"
    assert [line["rule"] for line in lead["lines"]] == ["Clicked a link", "Money to save", "Opened a mail"]
    run("leads", "accept", lead["id"], "--as", "marta@bank.example", code=2)
    run("leads", "accept", lead["id"], "--as", "sue@bank.example")
    assert run("leads", "list") == []
    assert run("audit", "verify")["ok"] is True
