"""What a list kept back stands beside it, by campaign, from the moment on which the campaign was written down."""

from hashlib import sha1
from pathlib import Path

import pytest

from app.list_matches import ListMatches, per_campaign
from campaigns import release
from campaigns.tasks import materialise
from core.db import transaction
from core.permissions import Role
from core.settings import settings
from suppression import import_list
from tests.campaigns import planning
from tests.smtp_sink import Sink


def matches() -> list[ListMatches]:
    with transaction() as session:
        return per_campaign(session)


def test_what_a_list_holds_is_counted_by_campaign_until_it_is_released(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning.configure(tmp_path)
    planning.with_people("ann", "bob", "cleo", country="AT")
    names = ("ann", "bob")
    file = tmp_path / "list.hash"
    file.write_bytes(b"".join(sha1(f"{name}@mail.example".encode()).digest() for name in names))  # noqa: S324 - their format
    import_list(path=file, list_id="at.ecg.file", actor="test")
    marta, rita = planning.somebody(Role.MARKETER, "marta"), planning.somebody(Role.RELEASER, "rita")
    carl = planning.somebody(Role.COMPLIANCE, "carl")
    planning.check()
    planning.submitted_by(marta)
    planning.approved_by(rita)
    assert matches() == []
    planning.launched_by(marta)
    while materialise.verb():
        pass
    assert matches() == [ListMatches("at.ecg.file", "autumn", blocked=0, held=2)]
    with transaction() as session:
        release(session, campaign=planning.lock(session, "autumn"), code="robinson_listed", actor=carl, reason="asked")
    with Sink() as sink:
        monkeypatch.setenv("CRUSOE_SMTP_URL", sink.url)
        settings.cache_clear()
        planning.work_until_done()
    assert matches() == []
