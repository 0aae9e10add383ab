"""The rules as people change them: proposed by one, looked at by all, put into force by another."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from flask.testing import FlaskClient

from app.cli import crusoe
from contacts import find_address
from core import clock
from core.db import transaction
from core.permissions import Role
from suppression import Cause, add
from tests import world
from tests.browsing import post


def call(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(crusoe, [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def run(*arguments: str) -> Any:
    code, answer = call(*arguments)
    assert code == 0, answer
    return answer


def write(folder: Path, text: str) -> str:
    file = folder / "rules.yaml"
    file.write_text(text)
    return str(file)


def test_who_proposes_rules_cannot_put_them_into_force(found: world.World, tmp_path: Path) -> None:
    proposed = run("rules", "propose", write(tmp_path, "customer_months: 12"), "--as", "compliance@crew.example")
    assert proposed["changes"] == [{"name": "customer_months", "before": "24", "after": "12"}]
    number = str(proposed["version"])
    code, refused = call("rules", "activate", number, "--as", "compliance@crew.example")
    assert (code, refused["error"]["code"]) == (2, "second_person_needed")
    code, refused = call("rules", "activate", number, "--as", "marketer@crew.example")
    assert code == 2
    assert [one["in_force"] for one in run("rules", "list")] == [False, True]
    run("rules", "activate", number, "--as", "releaser@crew.example")
    newest, before = run("rules", "list")
    assert (newest["in_force"], newest["proposed_by"], newest["activated_by"], before["in_force"]) == (
        True,
        "compliance@crew.example",
        "releaser@crew.example",
        False,
    )


def test_a_mistake_in_proposed_rules_is_told_with_its_line(found: world.World, tmp_path: Path) -> None:
    wrong = "customer_months: 12\npolicies:\n  - country: AT\n    channels: [email]\n    needs: luck\n"
    code, answer = call("rules", "propose", write(tmp_path, wrong), "--as", "compliance@crew.example")
    assert code == 1
    assert any("rules.yaml:5" in line and "luck" in line for line in answer["error"]["details"]["lines"])
    code, answer = call("rules", "propose", write(tmp_path, "costumer_months: 12"), "--as", "compliance@crew.example")
    assert (code, "rules.yaml:1" in str(answer)) == (1, True)
    assert len(run("rules", "list")) == 1


def test_rows_of_a_named_country_are_replaced_and_others_stay(found: world.World, tmp_path: Path) -> None:
    text = (
        "policies:\n"
        "  - {country: AT, channels: [email, sms], needs: consent, valid_from: 2026-01-01, source: counsel}\n"
    )
    number = run("rules", "propose", write(tmp_path, text), "--as", "compliance@crew.example")["version"]
    rows = run("rules", "show", str(number))["policies"]
    assert [row["source"] for row in rows if row["country"] == "AT"] == ["counsel"]
    assert any(row["country"] == "DE" for row in rows)
    assert {change["name"][:2] for change in run("rules", "diff", "1", str(number))} == {"AT"}


def test_the_effect_of_a_draft_is_shown_before_it_is_in_force(found: world.World, tmp_path: Path) -> None:
    one_more_list = "required_lists: [{list_id: de.robinson, countries: [DE], max_age_days: 7}]"
    number = str(run("rules", "propose", write(tmp_path, one_more_list), "--as", "compliance@crew.example")["version"])
    (campaign,) = [one for one in run("rules", "effect", number) if one["campaign"] == found.waiting]
    assert (campaign["before"], campaign["after"]) == ({"send": 3, "block": 3}, {"hold": 3, "block": 3})
    (moved,) = campaign["moved"]
    assert moved == {
        "people": 3,
        "verdict_before": "send",
        "code_before": "consent",
        "verdict_after": "hold",
        "code_after": "list_outdated",
    }
    decided = run("decide", "--segment", "everyone", "--controller", "shop", "--rules", number)
    assert (decided["hold"], str(decided["rules_version"])) == (3, number)
    now = run("decide", "--segment", "everyone", "--controller", "shop")
    assert (now["send"], now["rules_version"]) == (3, 1)


def test_what_was_known_then_is_answered_for_then(found: world.World) -> None:
    before = clock.now()
    ask = ("decide", "--address", "ada@mail.example", "--controller", "shop")
    assert run(*ask)["verdict"] == "send"
    with transaction() as session:
        ada = find_address(session, "ada@mail.example")
        add(session, address_id=ada, cause=Cause.OPTED_OUT, at=before, source="test")
    assert run(*ask)["verdict"] == "block"
    assert run(*ask, "--as-of", before.isoformat())["verdict"] == "send"
    code, answer = call(*ask, "--as-of", (before - timedelta(days=9000)).isoformat())
    assert (code, answer["error"]["code"]) == (1, "no_rules_then")
    code, answer = call(*ask, "--as-of", (before + timedelta(days=1)).isoformat())
    assert (code, answer["error"]["code"]) == (1, "time_not_over")


def test_only_the_first_rules_are_put_into_force_by_apply_alone(found: world.World, tmp_path: Path) -> None:
    write(tmp_path, "rules: {customer_months: 12}")
    assert run("apply", str(tmp_path))["rules_waiting"] is None
    write(tmp_path, "rules: {customer_months: 6}")
    waiting = run("apply", str(tmp_path))["rules_waiting"]
    assert [one["in_force"] for one in run("rules", "list") if one["version"] == waiting] == [False]
    again = run("apply", str(tmp_path))
    assert (again["changed"], again["rules_waiting"]) == (0, waiting)
    run("rules", "activate", str(waiting), "--as", "releaser@crew.example")
    assert run("apply", str(tmp_path))["rules_waiting"] is None


def test_rules_are_changed_by_two_people_in_the_browser(
    found: world.World, person: Callable[[Role], FlaskClient]
) -> None:
    compliance, releaser = person(Role.COMPLIANCE), person(Role.RELEASER)
    form = compliance.get("/rules/new").text
    assert "customer_months: 24" in form
    wrong = post(compliance, "/rules/new", text="customer_months: [", note="x")
    assert (wrong.status_code, "rules.yaml:1" in wrong.text, "customer_months: [" in wrong.text) == (422, True, True)
    one_more_list = "required_lists: [{list_id: de.robinson, countries: [DE]}]"
    assert post(compliance, "/rules/new", text=one_more_list, note="counsel said so").status_code == 302
    page = compliance.get("/rules/2").text
    assert "required_lists" in page
    assert "counsel said so" in page
    assert "/rules/2/activate" not in page
    assert post(compliance, "/rules/2/activate").status_code == 422
    effect = releaser.get("/rules/2/effect").text
    assert '<strong class="number">3</strong>' in effect
    assert "list outdated" in effect
    assert "/rules/2/activate" in releaser.get("/rules/2").text
    assert post(person(Role.MARKETER), "/rules/2/activate").status_code == 403
    assert post(releaser, "/rules/2/activate").status_code == 302
    assert "in force" in releaser.get("/rules/2").text
    ours, austrian, all_of_them = (
        releaser.get(f"/rules/2{which}").text for which in ("", "?country=AT", "?country=all")
    )
    assert "TKG 2021" in austrian
    assert "§ 7(2) no. 2" not in austrian
    assert "§ 7(2) no. 2" in ours
    assert "CAN-SPAM" not in ours
    assert "CAN-SPAM" in all_of_them
    listed = releaser.get("/rules").text
    assert "counsel said so" in listed
    assert post(releaser, "/rules/export").mimetype == "text/csv"
