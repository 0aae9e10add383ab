"""A file for a call centre is made by a button, has an end, and the person's page and `why` know who stood in it."""

import csv
import io
import json
import re

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import crusoe
from app.imports.kinds import INTAKES
from app.web import create_app
from core import clock
from core.db import transaction
from core.permissions import Role
from tests.browsing import post, signed_in
from tests.campaigns import planning

LETTERS = """number,channel,phone,street,postcode,town,country
anna,post,,Ring 1,1010,Wien,AT
ben,post,,Ring 2,1010,Wien,AT
cleo,phone,0664 3333333,,,,AT
"""


def call(*arguments):
    result = CliRunner().invoke(crusoe, [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def words(answer, status=200):
    assert answer.status_code == status, re.findall("<title>(.*?)<", answer.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


@pytest.fixture
def marta(database, tmp_path):
    planning.configure(tmp_path)
    planning.with_people("anna", "ben", "cleo", country="AT")
    (tmp_path / "endpoints.csv").write_text(LETTERS)
    assert call("import", "endpoints", str(tmp_path / "endpoints.csv"))[0] == 0
    actor = planning.somebody(Role.MARKETER, "marta")
    planning.check()
    planning.submitted_by(actor)
    return actor


def test_a_file_is_handed_out_by_a_button_and_what_came_of_it_is_told(marta, tmp_path):
    app = create_app()
    carl = signed_in(app, Role.COMPLIANCE)
    assert "Files for calls" not in words(carl.get("/campaigns/autumn"))
    assert "is not approved" in words(post(carl, "/campaigns/autumn/files", kind="post"), 403)
    planning.approved_by(planning.somebody(Role.RELEASER, "rita"))
    assert "None was made yet." in words(carl.get("/campaigns/autumn"))
    answer = post(carl, "/campaigns/autumn/files", kind="post")
    letters = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert {row["number"] for row in letters} == {"anna", "ben"}
    code = letters[0]["export"]
    assert answer.headers["Content-Disposition"] == f"attachment; filename={code}.csv"
    assert [one for one in (tmp_path / "home").iterdir() if one.name.startswith("tmp")] == []
    assert "Choose for which channel." in words(post(carl, "/campaigns/autumn/files", kind="smoke"), 422)
    marketer = signed_in(app, Role.MARKETER)
    assert post(marketer, "/campaigns/autumn/files", kind="post").status_code == 403
    assert "/campaigns/autumn/files" not in marketer.get("/campaigns/autumn").text

    assert "results" in INTAKES
    assert '<option value="results" selected>' in carl.get("/import?kind=results").text
    at = clock.now().isoformat()
    results = tmp_path / "results.csv"
    with results.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("export", "endpoint", "result", "at", "note"))
        rows.writerow((code, "Ring 1\n1010 Wien\nAT", "objected", at, "sent it back"))
    assert call("import", "results", str(results))[1]["created"] == 1
    page = words(carl.get("/campaigns/autumn"))
    assert f"{code} letter compliance@crew.example" in page
    assert "objected 1" in page
    assert "expired" not in page

    status, told = call("why", "anna@mail.example")
    assert status == 0
    (letter,) = [one for one in told if one["export"]]
    assert (letter["campaign"], letter["channel"], letter["export"]) == ("autumn", "post", code)
    assert (letter["verdict"], letter["status"], letter["approved_by"]) == ("send", "given_out", "rita@shop.example")
    assert [(one["result"], one["note"]) for one in letter["results"]] == [("objected", "sent it back")]
    assert call("why", "anna@mail.example", "--campaign", "winter")[0] == 1
    (anna,) = planning.rows("SELECT id FROM contact WHERE number = 'anna'")[0]
    page = words(carl.get(f"/contacts/{anna}"))
    assert f"letter, {code}" in page
    assert "given out in a file objected" in page
    asked = words(post(carl, "/questions/why", what="anna@mail.example"))
    assert f"letter, {code}" in asked
    assert "sent it back" in asked

    with transaction() as session:
        session.execute(text("UPDATE channel_export SET valid_until = now()"))
        session.execute(text("UPDATE user_account SET locale = 'de'"))
    assert "abgelaufen" in words(carl.get("/campaigns/autumn"))


def test_somebody_who_has_only_a_number_has_a_page_and_an_answer(marta):
    carl = signed_in(create_app(), Role.COMPLIANCE)
    (cleo,) = planning.rows("SELECT id FROM contact WHERE number = 'cleo'")[0]
    assert "+436643333333" in words(carl.get(f"/contacts/{cleo}"))
    assert call("why", "+436643333333") == (0, [])
    assert "What went out, and why it was allowed Nothing." in words(post(carl, "/questions/why", what="+436643333333"))
