"""A transaction stores everything or nothing, and rings only for what is stored."""

import pytest
from sqlalchemy import text

from core.db import after_commit, transaction


def test_what_waits_for_the_commit_runs_after_it(database):
    heard = []
    with transaction() as session:
        session.execute(text("CREATE TABLE note (word text)"))
        after_commit(session, lambda: heard.append("ring"))
        assert heard == []
    assert heard == ["ring"]


def test_a_rollback_rings_nobody(database):
    heard = []
    with pytest.raises(ZeroDivisionError), transaction() as session:
        after_commit(session, lambda: heard.append("ring"))
        raise ZeroDivisionError
    assert heard == []
