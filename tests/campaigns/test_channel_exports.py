"""Files for other channels: only those whom the gate lets pass, never without proof; objections find their way back."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select

from app.cli import crusoe
from campaigns.channel_exports import _Hours
from contacts.models import Contact, Kind
from core import clock
from core.db import transaction
from core.permissions import Role
from suppression import Question, RuleSettings, activate
from suppression.rule_settings import OwnHours
from tests import factories
from tests.campaigns import planning
from tests.campaigns.planning import rows

ENDPOINTS = """number,channel,phone,street,postcode,town,country
anna,phone,0664 1111111,,,,AT
ben,phone,0664 2222222,,,,AT
cleo,phone,0664 3333333,,,,AT
dora,phone,0664 4444444,,,,AT
anna,post,,Ring 1,1010,Wien,AT
ben,post,,Ring 2,1010,Wien,AT
"""

# Anna's call was recorded, of Ben's nothing is named, Cleo confirmed a mail only, Dora never agreed.
CONSENTS = """phone,country,channel,basis,text_version,requested_at,confirmed_at,evidence_ref,controller
0664 1111111,AT,phone,recorded,call-1,2026-11-01T09:00:00+00:00,2026-11-01T09:02:00+00:00,call 4711,shop
0664 2222222,AT,phone,written,call-1,2026-11-01T09:00:00+00:00,2026-11-01T09:02:00+00:00,,shop
"""


def call(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(crusoe, [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def planned(database: str, tmp_path: Path) -> Path:
    planning.configure(tmp_path)
    planning.with_people("anna", "ben", "cleo", "dora", country="AT")
    planning.somebody(Role.COMPLIANCE, "carl")
    for name, text in (("endpoints", ENDPOINTS), ("consents", CONSENTS)):
        (tmp_path / f"{name}.csv").write_text(text)
        code, answer = call("import", name, str(tmp_path / f"{name}.csv"))
        assert (code, answer["rejected"]) == (0, 0), answer
    return tmp_path


def approved() -> None:
    planning.check()
    planning.submitted_by(planning.somebody(Role.MARKETER, "marta"))
    planning.approved_by(planning.somebody(Role.RELEASER, "rita"))


@pytest.fixture
def company(planned: Path) -> Path:
    approved()
    return planned


def export(kind: str, folder: Path, person: str = "carl") -> tuple[int, Any]:
    return call("export", kind, "autumn", "--out", str(folder / f"{kind}.csv"), "--as", f"{person}@shop.example")


def people_in(folder: Path, kind: str) -> list[dict[str, str]]:
    with (folder / f"{kind}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_nobody_is_called_whose_consent_nothing_proves(company: Path) -> None:
    code, made = export("calls", company)
    assert (code, made["counts"]["reasons"]) == (0, {"no_basis": 2, "consent_unproven": 1, "consent": 1})
    (anna,) = people_in(company, "calls")
    assert (anna["number"], anna["endpoint"], anna["basis"]) == ("anna", "+436641111111", "consent")
    assert (anna["export"], anna["purpose"]) == (made["export"], "newsletter")
    assert rows("SELECT verdict::text, count(*) FROM decision WHERE message_id IS NULL GROUP BY 1 ORDER BY 1") == [
        ("block", 3),
        ("send", 1),
    ]
    assert rows("SELECT channel, messages FROM exposure") == [("phone", 1)]
    code, verified = call("audit", "verify")
    assert (code, verified["ok"]) == (0, True)


def test_letters_need_no_consent_but_an_objection_stops_them(company: Path) -> None:
    code, made = export("post", company)
    assert (code, made["counts"]["reasons"]) == (0, {"legitimate_interest": 2})
    letters = people_in(company, "post")
    assert {row["endpoint"] for row in letters} == {"Ring 1\n1010 Wien\nAT", "Ring 2\n1010 Wien\nAT"}
    until = datetime.fromisoformat(made["valid_until"])
    assert clock.now() < until <= clock.now() + timedelta(days=14)

    results = company / "results.csv"
    with results.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("export", "endpoint", "result", "at", "note"))
        at = clock.now().isoformat()
        table.writerow((made["export"], "Ring 1\n1010 Wien\nAT", "objected", at, "asked the postman"))
        table.writerow((made["export"], "Ring 2\n1010 Wien\nAT", "undeliverable", at, ""))
        table.writerow((made["export"], "Ring 3\n1010 Wien\nAT", "objected", at, ""))
        table.writerow(("another", "Ring 2\n1010 Wien\nAT", "objected", at, ""))
    code, answer = call("import", "results", str(results))
    assert (code, answer["created"], answer["rejected"]) == (0, 2, 2)
    assert call("import", "results", str(results))[1]["unchanged"] == 2
    code, again = export("post", company)
    assert again["counts"]["reasons"] == {"opted_out": 1, "hard_bounce": 1}
    assert people_in(company, "post") == []


@pytest.mark.parametrize(("person", "refused"), [("marta", "not_permitted"), ("rita", "not_permitted")])
def test_a_file_of_people_is_taken_only_by_those_who_may(company: Path, person: str, refused: str) -> None:
    code, answer = export("calls", company, person)
    assert (code, answer["error"]["code"]) == (2, refused)
    assert not list(company.glob("calls*"))


def test_without_a_standing_approval_there_is_no_file(company: Path) -> None:
    planning.configure(company, subject="Something else")
    code, answer = export("calls", company)
    assert (code, answer["error"]["code"]) == (2, "not_approved")
    assert not list(company.glob("*calls*"))


def test_a_file_that_cannot_be_written_leaves_no_record(company: Path) -> None:
    code, answer = call("export", "calls", "autumn", "--out", "/nowhere/calls.csv", "--as", "carl@shop.example")
    assert (code, answer["error"]["code"]) == (1, "file_unwritable")
    assert rows("SELECT count(*) FROM channel_export") == [(0,)]
    assert rows("SELECT count(*) FROM exposure") == [(0,)]


def test_a_call_list_says_when_people_may_be_called(planned: Path) -> None:
    house = OwnHours(channels=("phone",), hours=("mon-fri 09:00-17:00", "sat 10:00-12:00"))
    with transaction() as session:
        activate(session, RuleSettings(hours=(house,), required_lists=()), actor="test")
        session.scalars(select(Contact).where(Contact.number == "anna")).one().country = "US"
    approved()
    assert export("calls", planned)[0] == 0
    hours = {row["number"]: row["hours"] for row in people_in(planned, "calls")}
    # The others are Austrians, and of none of them a consent to calls is proven.
    assert hours == {"anna": "mon-sun 08:00-21:00 & mon-fri 09:00-17:00, sat 10:00-12:00"}


def test_a_call_list_names_the_public_holidays_while_it_is_good(database: str, home: Path) -> None:
    until = datetime(2027, 1, 3, 12, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 12, 20, 12, tzinfo=UTC)), transaction() as session:
        question = Question(channel="phone", purpose="newsletter", controller_id=factories.controller(session))
        said = _Hours(session, question, until=until).for_people("FR", Kind.B2C)
        assert said == "mon-fri 10:00-13:00, mon-fri 14:00-20:00 & not on 2026-12-25, 2027-01-01"
        assert _Hours(session, question, until=until).for_people("US", Kind.B2C) == "mon-sun 08:00-21:00"
