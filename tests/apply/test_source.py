"""A mistake in a YAML file is shown where it was made."""

from pathlib import Path

import pytest

from app.apply.source import read, read_folder
from core.errors import WrongInput


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "things.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_place_knows_its_line(tmp_path):
    source = read(
        write(tmp_path, "segments:\n  - code: a\n    definition:\n      all:\n        - {field: age, gte: 3}\n")
    )
    assert source.where(("segments", 0, "code")).endswith("things.yaml:2")
    assert source.where(("segments", 0, "definition", "all", 0, "field")).endswith(":5")


def test_a_place_that_is_not_there_points_at_the_nearest_one(tmp_path):
    source = read(write(tmp_path, "segments:\n  - code: a\n"))
    assert source.where(("segments", 0, "definition", "all")).endswith(":2")


def test_a_key_given_twice_is_refused_with_its_line(tmp_path):
    with pytest.raises(WrongInput) as caught:
        read(write(tmp_path, "segments: []\nfields: []\nsegments: []\n"))
    assert caught.value.where.endswith("things.yaml:3")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("segments: [\n", "yaml"),
        ("- a\n- b\n", "yaml_shape"),
        ("", "yaml_shape"),
        ("fields: !!python/object/apply:os.system ['true']\n", "yaml"),
        (b"name: \xff\xfe", "encoding"),
    ],
)
def test_what_is_no_configuration_is_refused_in_words(tmp_path, content, code):
    with pytest.raises(WrongInput) as caught:
        read(write(tmp_path, content))
    assert caught.value.code == code


def test_a_folder_without_yaml_says_so(tmp_path):
    with pytest.raises(WrongInput, match="no YAML file"):
        read_folder(tmp_path)
