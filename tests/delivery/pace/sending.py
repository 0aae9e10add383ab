"""A run to people at several operators."""

from collections.abc import Mapping

from sqlalchemy import text

from contacts import domain_key
from contacts.models import TrackingLevel
from core.db import transaction
from delivery import open_run
from tests.delivery.sending import WORDS, names, rows, write_down
from tests.factories import people, sender

_MOVE = """
    WITH e AS (UPDATE endpoint SET value = CAST(:name AS text) || '@' || CAST(:domain AS text)
               WHERE split_part(value, '@', 1) = :name RETURNING address_id)
    UPDATE address SET domain_key = :key WHERE id IN (SELECT address_id FROM e)
"""


def campaign_to(domains: Mapping[str, int], *, code: str = "news", **of_sender: object) -> int:
    """A run to so many people of each domain, planned and ready."""
    everybody = [domain for domain, many in domains.items() for _ in range(many)]
    with transaction() as session:
        if everybody:
            people(session, names(len(everybody)))
    with transaction() as session:
        for number, domain in enumerate(everybody):
            session.execute(text(_MOVE), {"name": f"p{number}", "domain": domain, "key": domain_key(domain)})
    with transaction() as session:
        run_id = open_run(
            session,
            name="autumn",
            sender_id=sender(session, code, **of_sender).id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=WORDS,
        )
    write_down(run_id)
    return run_id


def sent_to() -> dict[str, int]:
    """How many messages of each operator were sent."""
    found = rows(
        "SELECT o.code, count(*) AS many FROM message AS m JOIN mail_operator AS o ON o.id = m.operator"
        " WHERE m.state = 'sent' GROUP BY 1 ORDER BY 1"
    )
    return {row.code: row.many for row in found}


def let_an_hour_pass() -> None:
    """As if everything so far had been counted an hour ago, and today: the first hour of a day has none before it."""
    rows(
        "UPDATE pace SET counted_at = greatest(counted_at - interval '1 hour', date_trunc('day', counted_at, 'UTC')),"
        " hour_used = CASE extract(hour FROM counted_at AT TIME ZONE 'UTC') WHEN 0 THEN 0 ELSE hour_used END"
        " RETURNING 1"
    )
