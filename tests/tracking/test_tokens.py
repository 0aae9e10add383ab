"""Tokens: only what we made is read, and only for the purpose it was made for."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.tokens import (
    MessageToken,
    Purpose,
    make_aggregate_token,
    make_id_token,
    make_message_token,
    read_aggregate_token,
    read_hit_token,
    read_id_token,
    read_message_token,
)

IDS = st.integers(0, 2**63 - 1)
SMALL = st.integers(0, 2**32 - 1)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@relaxed
@given(st.sampled_from(Purpose), st.builds(MessageToken, SMALL, IDS, IDS, SMALL, SMALL))
def test_a_token_reads_back_for_its_own_purpose_only(home, purpose, content):
    token = make_message_token(purpose, **content._asdict())
    assert set(token) <= set(URL_SAFE)
    for other in Purpose:
        assert read_message_token(other, token) == (content if other is purpose else None)
        assert read_aggregate_token(other, token) is None
    assert read_id_token(token) is None


@relaxed
@given(st.data())
def test_one_changed_character_makes_a_token_worthless(home, data):
    token = make_message_token(Purpose.UNSUBSCRIBE, run_id=1, message_id=2, address_id=3, sent_at=4)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(URL_SAFE).filter(lambda new: new != token[place]))
    assert read_message_token(Purpose.UNSUBSCRIBE, token[:place] + letter + token[place + 1 :]) is None


@relaxed
@given(st.one_of(st.text(max_size=80), st.text(URL_SAFE, min_size=60, max_size=60), st.text(min_size=60, max_size=60)))
def test_anything_else_is_no_token(home, text):
    assert read_message_token(Purpose.CLICK, text) is None
    assert read_hit_token(Purpose.CLICK, text) is None
    assert read_id_token(text) is None


def test_aggregate_and_id_tokens_are_not_mistaken_for_each_other(home):
    open_token = make_aggregate_token(Purpose.OPEN, run_id=7)
    assert read_hit_token(Purpose.OPEN, open_token) == read_aggregate_token(Purpose.OPEN, open_token)
    assert read_hit_token(Purpose.CLICK, open_token) is None
    assert read_id_token(open_token) is None
    assert read_id_token(make_id_token(12)) == 12
    assert read_hit_token(Purpose.OPEN, make_id_token(12)) is None


@pytest.mark.parametrize("spelling", ["{}=", "{}\n", " {}", "{}=="])
def test_a_token_has_exactly_one_spelling(home, spelling):
    token = make_id_token(12)
    assert read_id_token(spelling.format(token)) is None
    plus = next(text for text in map(make_id_token, range(200)) if "-" in text or "_" in text)
    assert read_id_token(plus.replace("-", "+").replace("_", "/")) is None


def test_tokens_of_another_installation_mean_nothing(home: Path, monkeypatch, tmp_path):
    from core import keys
    from core.settings import settings as current

    token = make_id_token(12)
    monkeypatch.setenv("CRUSOE_HOME", str(tmp_path / "other"))
    current.cache_clear()
    keys.keys.cache_clear()
    assert read_id_token(token) is None
