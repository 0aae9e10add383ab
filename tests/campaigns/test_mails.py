"""How a campaign is named, by whoever types into the address bar or a terminal."""

import pytest

from campaigns import find, why_by_id
from core.db import transaction
from core.errors import NotFound
from tests.campaigns import planning


def test_a_campaign_goes_by_its_code_and_by_its_number_and_by_nothing_else(database, tmp_path):
    planning.configure(tmp_path)
    with transaction() as session:
        autumn = find(session, "autumn")
        assert find(session, str(autumn.id)) is find(session, autumn.id) is autumn
        # Signs that are digits to some, and numbers that no column holds.
        for name in ("none", "0", "²", "٣", "9" * 19, "9" * 400, ""):
            with pytest.raises(NotFound):
                find(session, name)
            assert why_by_id(session, address_id=1, campaign=name) == []
