"""A check says how many of its people will soon be out of reach, while they can still be asked."""

import json

from sqlalchemy import text

from app.cli import main
from core.db import transaction
from tests import world


def checked(capsys) -> tuple[dict, list[dict]]:
    capsys.readouterr()
    main(["campaign", "check", "autumn", "--json"])
    answer = json.loads(capsys.readouterr().out)
    return answer, [one for one in answer["findings"] if one["code"] == "consents_aging"]


def age(names: tuple[str, ...], months: int) -> None:
    with transaction() as session:
        session.execute(
            text(
                "UPDATE consent SET confirmed_at = now() - make_interval(months => :months),"
                " requested_at = now() - make_interval(months => :months) WHERE address_id IN"
                " (SELECT address_id FROM endpoint WHERE value = ANY (:values))"
            ),
            {"months": months, "values": [f"{name}@mail.example" for name in names]},
        )


def test_a_check_counts_who_will_be_too_old_within_sixty_days(database, broker, capsys):
    world.make()
    assert checked(capsys)[1] == []
    # Bob objected, so nothing about him will change; dora is too old already, and held.
    age(("bob", "cleo"), 17)
    age(("dora",), 19)
    answer, (finding,) = checked(capsys)
    assert answer["reasons"]["consent_stale"] == 1
    assert finding["severity"] == "warn"
    assert finding["message"].endswith("within 60 days: 1.")
    assert answer["blocking"] is False
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO exposure (address_id, channel, purpose, basis, day, messages, last_at)"
                " SELECT address_id, 'email', 'newsletter', 'consent', now()::date, 1, now() FROM endpoint"
            )
        )
    assert checked(capsys)[1] == []
