"""The secrets of an installation are drawn once, kept to their owner, and never typed."""

import json
import stat
from pathlib import Path

import pytest

from core import keys
from core.errors import NotAllowed
from core.settings import settings


def rewritten(**values: str) -> Path:
    """The key file of this home, with some keys replaced."""
    keys.keys()
    path = settings().home / "keys.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    keys.keys.cache_clear()
    return path


def test_keys_are_drawn_at_first_use_for_their_owner_only(home):
    first = keys.keys()
    keys.keys.cache_clear()
    assert keys.keys() == first
    assert stat.S_IMODE((home / "keys.json").stat().st_mode) == 0o600


def test_existing_keys_are_never_replaced(home):
    first = keys.keys()
    keys.draw(path=home / "keys.json")
    keys.keys.cache_clear()
    assert keys.keys() == first


def test_production_does_not_draw_keys_by_itself(home, monkeypatch):
    monkeypatch.setenv("CRUSOE_MODE", "production")
    settings.cache_clear()
    with pytest.raises(NotAllowed, match="no key file"):
        keys.keys()
    assert not (home / "keys.json").exists()


def test_keys_that_others_can_read_are_refused(home):
    rewritten().chmod(0o640)
    with pytest.raises(NotAllowed, match="Others can read"):
        keys.keys()


@pytest.mark.parametrize("typed", ["00" * 32, b"changemechangemechangemechangeme".hex(), "ab" * 8])
def test_a_typed_key_is_refused(home, typed):
    rewritten(token=typed)
    with pytest.raises(NotAllowed, match="typed instead of drawn"):
        keys.keys()


def test_one_key_for_two_purposes_is_refused(home):
    keys.keys()
    rewritten(token=keys.keys().session.hex())
    with pytest.raises(NotAllowed, match="the same"):
        keys.keys()
