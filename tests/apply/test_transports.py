"""Ways out of senders in the files: secrets by name only, and equal means nothing to do."""

import pytest

from app.apply import apply_folder
from core.db import transaction
from core.errors import WrongInput
from tests.delivery.sending import rows
from tests.factories import controller, sender

FILE = """
transports:
  - code: main
    sender: news
    kind: ses
    settings: {region: eu-central-1, key: AKID}
    secret_env: SES_SECRET
    hook_secret_env: HOOK_SECRET
    weight: 3
  - code: relay
    sender: news
    kind: smtp
    url: smtp+starttls://crusoe@relay.example
    secret_env: RELAY_PASSWORD
    position: 1
"""


def applied(folder):
    with transaction() as session:
        return apply_folder(session, folder=folder, actor="test")


def test_transports_are_applied_once_and_again_when_a_secret_changes(database, tmp_path, monkeypatch):
    with transaction() as session:
        sender(session)
    (tmp_path / "transports.yaml").write_text(FILE)
    with pytest.raises(WrongInput) as caught:
        applied(tmp_path)
    mistakes = "\n".join(caught.value.details["lines"])
    assert "SES_SECRET is not set" in mistakes
    assert "transports.yaml:7" in mistakes
    for name in ("SES_SECRET", "HOOK_SECRET", "RELAY_PASSWORD"):
        monkeypatch.setenv(name, f"value of {name}")
    first = applied(tmp_path)
    assert [(change.code, change.change) for change in first] == [("main", "created"), ("relay", "created")]
    assert "value of" not in repr(first)
    assert applied(tmp_path) == []
    monkeypatch.setenv("SES_SECRET", "another")
    (again,) = applied(tmp_path)
    assert (again.code, [line.partition(":")[0] for line in again.diff]) == ("main", ["secret"])
    assert "another" not in repr(again)
    assert rows("SELECT code, kind, weight, position FROM transport ORDER BY code") == [
        ("main", "ses", 3, 0),
        ("relay", "smtp", 1, 1),
    ]


LIMITS = """
senders:
  - code: shop
    from_name: Shop
    from_address: news@shop.example
    limits: {per_day: 900, brake: {after: 500}, operators: {gmail: {per_second: 2}}}
transports:
  - {code: relay, sender: shop, kind: smtp, url: "smtp://mx.shop.example", limits: {per_hour: 50}}
"""


def test_limits_are_written_down_once_and_checked(database, tmp_path):
    with transaction() as session:
        controller(session)
    (tmp_path / "shop.yaml").write_text(LIMITS)
    assert [change.change for change in applied(tmp_path)] == ["created", "created"]
    assert applied(tmp_path) == []
    # What is usual is not written down.
    assert rows("SELECT limits FROM sender") == [({"per_day": 900, "operators": {"gmail": {"per_second": 2.0}}},)]
    assert rows("SELECT limits FROM transport") == [({"per_hour": 50},)]
    (tmp_path / "shop.yaml").write_text(LIMITS.replace("gmail", "gmial").replace("per_hour", "per_minute"))
    with pytest.raises(WrongInput) as caught:
        applied(tmp_path)
    mistakes = "\n".join(caught.value.details["lines"])
    assert "'gmial' is no operator" in mistakes
    assert "per_minute" in mistakes
