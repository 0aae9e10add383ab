"""Every mistake in a folder is told with the line where it was made, and with what may stand there instead."""

from pathlib import Path

import pytest

from app.apply import apply_folder
from core.db import transaction
from core.errors import WrongInput
from tests.campaigns.planning import CONFIGURATION

FILED = """\
templates:
  - code: autumn
    name: Autumn
    subject: Hello
    markup: html
    body_file: mails/autumn.html
"""
BLOCK = """\
templates:
  - code: autumn
    name: Autumn
    subject: Hello
    markup: html
    body: |
      <p>Hello</p>
      <p>{{ contact.frist_name }}</p>
"""


def mistakes(folder: Path, content: str) -> list[str]:
    """What `apply` says about one file, without the folder."""
    (folder / "all.yaml").write_text(content)
    with pytest.raises(WrongInput) as caught, transaction() as session:
        apply_folder(session, folder=folder, actor="apply")
    told = caught.value.details.get("lines") or [str(caught.value)]
    return [line.replace(f"{folder}/", "") for line in told]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            "segments: [{code: a, nmae: A, definition: {all: []}}]",
            "all.yaml:1: There is no key 'nmae'. Did you mean name?",
        ),
        ("segments: [{code: a, definition: {all: []}}]", "all.yaml:1: `name` is missing."),
        ("fields: [{name: age, label: Age, type: integre}]", "all.yaml:1: type: 'integre' is not possible; there are "),
        ("segments: [{code: A B, name: A, definition: {all: []}}]", "all.yaml:1: code: 'A B' does not have the form "),
        ("segmnts: []", "all.yaml:1: unknown section 'segmnts'; there are controllers, "),
        ("fields:\n- {name: age, label: Age, type: [}", "all.yaml:2: This is no YAML: "),
    ],
)
def test_a_wrong_key_or_value_is_told_with_what_may_stand_there(database, tmp_path, wrong, told):
    assert any(line.startswith(told) for line in mistakes(tmp_path, wrong)), mistakes(tmp_path, wrong)


@pytest.mark.parametrize("tag", ["{{ contact.first_name ,, }}", "{% if %}", "{{ contact.frist_name }}"])
def test_a_mistake_in_a_mail_is_told_with_its_own_file_and_line(database, tmp_path, tag):
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "autumn.html").write_text(f"<p>Hello</p>\n\n<p>{tag}</p>\n")
    (told,) = mistakes(tmp_path, CONFIGURATION.split("templates:")[0] + FILED)
    assert told.startswith("mails/autumn.html:3: ")


def test_a_mistake_in_a_mail_inside_the_yaml_is_told_with_the_line_there(database, tmp_path):
    (told,) = mistakes(tmp_path, BLOCK)
    assert told == "all.yaml:8: There is no merge field contact.frist_name. Did you mean contact.first_name?"


def test_one_mistake_keeps_everything_else_out_too(database, tmp_path):
    content = CONFIGURATION.replace("definition: {all: []}", "definition: {all: [{field: nothing, is: 1}]}")
    assert mistakes(tmp_path, content)[0].startswith("all.yaml:7: ")
    with transaction() as session:
        assert apply_folder(session, folder=_right(tmp_path), actor="apply")


def _right(folder: Path) -> Path:
    (folder / "all.yaml").write_text(CONFIGURATION)
    return folder
