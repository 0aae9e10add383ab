"""A campaign about a topic spares those who switched it off, from the plan to the gate."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.apply import apply_folder
from campaigns import check_campaign, lock, why
from contacts import choose, find_address
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from core.permissions import Role
from core.settings import settings
from tests.campaigns import planning
from tests.campaigns.planning import approved_by, launched_by, rows, somebody, submitted_by, with_people
from tests.smtp_sink import Sink


@pytest.fixture
def sink(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


FORM = """
consent_texts:
  - {version: v1, locale: en, text: "Yes, please."}
forms:
  - {code: news, controller: shop, sender: news, text_version: v1, topics: [hiking, cycling]}
"""


def _configure(folder: Path, topic: str) -> None:
    campaign = planning.CONFIGURATION.replace("sender: news, author", f"sender: news, topic: {topic}, author")
    (folder / "all.yaml").write_text(campaign.replace("SUBJECT", "Up the hill") + FORM)
    with transaction() as session:
        apply_folder(session, folder=folder, actor="apply")


def _switch_off(name: str, *topics: str) -> None:
    with transaction() as session:
        choose(session, find_address(session, f"{name}@mail.example"), topics_off=topics)


def test_who_switched_the_topic_off_gets_nothing_of_it_even_at_the_last_moment(database, broker, tmp_path, sink):
    with_people("ann", "ben", "cem")
    _switch_off("ben", "hiking")
    _configure(tmp_path, "hiking")
    with transaction() as session:
        checked = check_campaign(session, campaign=lock(session, "autumn"), actor="test")
    assert checked["reasons"] == {"consent": 2, "topic_off": 1}
    marta, rosa = somebody(Role.MARKETER, "marta"), somebody(Role.RELEASER, "rosa")
    submitted_by(marta)
    approved_by(rosa)
    launched_by(rosa)
    while planning.materialise.verb():
        pass
    _switch_off("cem", "hiking", "cycling")
    planning.work_until_done()
    assert [mail.recipient for mail in sink.taken] == ["ann@mail.example"]
    assert dict(rows("SELECT state::text, count(*) FROM message GROUP BY 1")) == {"sent": 1, "blocked": 2}
    with transaction() as session:
        (found,) = why(session, address="cem@mail.example")
    assert (found["verdict"], found["reasons"], found["topic"]) == ("block", ["topic_off"], "hiking")
    assert [earlier["verdict"] for earlier in found["history"]] == ["send"]


def test_another_topic_voids_the_approval(database, broker, tmp_path):
    with_people("ann")
    _configure(tmp_path, "hiking")
    planning.check()
    marta, rosa = somebody(Role.MARKETER, "marta"), somebody(Role.RELEASER, "rosa")
    submitted_by(marta)
    approved_by(rosa)
    _configure(tmp_path, "cycling")
    assert planning.campaign().state == "draft"


def test_a_topic_that_no_form_offers_is_refused_with_its_line(database, tmp_path):
    with pytest.raises(WrongInput) as refused:
        _configure(tmp_path, "hikking")
    (line,) = refused.value.details["lines"]
    assert "all.yaml:" in line
    assert "cycling, hiking" in line


def test_an_approval_is_of_the_topic_too_however_it_was_changed(database, broker, tmp_path):
    with_people("ann")
    _configure(tmp_path, "hiking")
    planning.check()
    marta, rosa = somebody(Role.MARKETER, "marta"), somebody(Role.RELEASER, "rosa")
    submitted_by(marta)
    approved_by(rosa)
    with transaction() as session:
        session.execute(text("UPDATE campaign SET topic = 'cycling'"))
    with pytest.raises(NotAllowed):
        launched_by(rosa)
