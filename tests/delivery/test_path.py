"""From an audience to accepted mail: every recipient once, and the counts add up."""

import pytest

from core.db import transaction
from delivery import finish_if_done
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.smtp_sink import Sink


@pytest.fixture
def sink(database, monkeypatch):
    with Sink() as listening:
        monkeypatch.setenv("CRUSOE_SMTP_URL", listening.url)
        from core.settings import settings

        settings.cache_clear()
        yield listening


def test_everybody_gets_the_mail_once(sink):
    run_id = campaign(120)
    assert worker().run() is False
    assert numbers(run_id) == {"audience": 120, "sent": 120}
    assert sorted(each.recipient for each in sink.taken) == sorted(f"p{n}@mail.example" for n in range(120))
    with transaction() as session:
        assert finish_if_done(session, run_id=run_id)
    assert rows("SELECT state FROM run") == [("done",)]
