"""The domains of recipients: gathered from their addresses, taken up to be asked about, and what the answer changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.models import Channel, Endpoint
from core import clock
from delivery.pace.models import MailDomainSweep
from delivery.pace.moving import Move, a_label, move_ready
from delivery.pace.operators import FIRST_LEARNED, OTHER, ensure_operators, operators

# Domains that nobody writes to any more are forgotten once a day, when all addresses are read.
WHOLE_EVERY = timedelta(days=1)
# Whoever took domains up and was lost is followed by somebody else after this.
LOST_AFTER = timedelta(minutes=5)
FRESH_FOR = timedelta(days=30)
FIRST_RETRY = timedelta(hours=1)
LONGEST_RETRY = timedelta(days=7)
# When nothing at all was answered, it is the resolver and not the domains.
SILENCE = timedelta(minutes=10)
MOST_FAILURES = 10


@dataclass(frozen=True)
class Known:
    """A domain as its addresses write it, the A-label that is asked about, and who ran its mailboxes so far."""

    domain: str
    label: str
    operator: int | None
    failures: int


@dataclass(frozen=True)
class Learned:
    """What came of asking. Without an answer everything stays as it was; `host` is where its mail goes first."""

    known: Known
    is_answered: bool
    host: str | None = None
    operator: int | None = None


_FOUND = """
    SELECT lower(split_part(value, '@', -1)) AS domain, count(*) AS people FROM endpoint
    WHERE channel = :channel AND id > :above AND id <= :up_to GROUP BY 1
"""

_ADD = f"""
    INSERT INTO mail_domain AS d (domain, people)
    SELECT domain, people FROM ({_FOUND}) AS f WHERE domain <> ALL (:named) ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET people = d.people + excluded.people
"""  # noqa: S608 - words of ours

_ALL = f"""
    WITH found AS MATERIALIZED (SELECT * FROM ({_FOUND}) AS f WHERE domain <> ALL (:named)),
    gone AS (
        DELETE FROM mail_domain AS d WHERE NOT EXISTS (SELECT 1 FROM found AS f WHERE f.domain = d.domain)
        RETURNING d.domain, d.operator
    ), unlearned AS (
        DELETE FROM operator_domain AS o USING gone AS g WHERE o.domain = g.domain AND o.operator = g.operator
    )
    INSERT INTO mail_domain AS d (domain, people) SELECT domain, people FROM found ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET people = excluded.people WHERE d.people <> excluded.people
"""  # noqa: S608 - words of ours


def gather_domains(session: Session) -> None:
    """Note the domains of addresses that are new; once a day those of all, and forget what has no address any more.

    Numbers of addresses become visible in any order, so a domain may be missed until the next day; it does no harm.
    """
    session.execute(insert(MailDomainSweep).values(id=1, up_to=0, whole_at=clock.now()).on_conflict_do_nothing())
    sweep = session.scalar(select(MailDomainSweep).with_for_update(skip_locked=True))
    newest = session.scalar(select(func.coalesce(func.max(Endpoint.id), 0))) or 0
    if sweep is None:
        return
    whole = sweep.whole_at <= clock.now() - WHOLE_EVERY
    if whole or newest > sweep.up_to:
        named = [domain for one in operators() for domain in one.domains]
        above = 0 if whole else sweep.up_to
        values = {"channel": Channel.EMAIL, "above": above, "up_to": newest, "named": named}
        session.execute(text(_ALL if whole else _ADD), values)
        sweep.up_to = newest
        sweep.whole_at = clock.now() if whole else sweep.whole_at


# A domain that became an operator of its own stays one.
_TAKE = f"""
    UPDATE mail_domain SET next_at = :later WHERE domain IN (
        SELECT d.domain FROM mail_domain AS d
        WHERE d.next_at <= :now AND substring(d.domain from '[^.]*$') <> ALL (:unasked) AND NOT EXISTS (
            SELECT 1 FROM operator_domain AS o WHERE o.domain = d.domain AND o.operator >= {FIRST_LEARNED}
        )
        ORDER BY d.answered_at IS NOT NULL, d.people DESC, d.domain LIMIT :most FOR UPDATE OF d SKIP LOCKED
    ) RETURNING domain, operator, failures
"""  # noqa: S608 - a number of ours


def take_up_domains(session: Session, *, most: int, unasked: frozenset[str]) -> list[Known]:
    """The domains to ask about now, those never asked about first, and of these the largest. `unasked`: endings."""
    now = clock.now()
    values = {"now": now, "later": now + LOST_AFTER, "most": most, "unasked": sorted(unasked)}
    rows = session.execute(text(_TAKE), values).all()
    return [Known(row.domain, a_label(row.domain), row.operator, row.failures) for row in sorted(rows)]


_NOTE = """
    UPDATE mail_domain AS d
    SET operator = n.operator, host = n.host, answered_at = :now, failures = 0, next_at = :next
    FROM unnest(CAST(:domains AS text[]), CAST(:operators AS smallint[]), CAST(:hosts AS text[]))
         AS n (domain, operator, host)
    WHERE d.domain = n.domain
"""

_PUT_OFF = """
    UPDATE mail_domain AS d SET failures = n.failures, next_at = n.next_at
    FROM unnest(CAST(:domains AS text[]), CAST(:failures AS smallint[]), CAST(:moments AS timestamptz[]))
         AS n (domain, failures, next_at)
    WHERE d.domain = n.domain
"""

_OWN = """
    INSERT INTO operator_domain AS o (domain, operator)
    SELECT * FROM unnest(CAST(:domains AS text[]), CAST(:operators AS smallint[])) AS n (domain, operator)
    ORDER BY domain ON CONFLICT (domain) DO UPDATE SET operator = excluded.operator
    WHERE o.operator < :learned
"""

_DISOWN = "DELETE FROM operator_domain WHERE domain = ANY (:domains) AND operator < :learned"


def learn_domains(session: Session, found: Sequence[Learned]) -> int:
    """Keep what was answered, and move what waits for these domains. Answers how many messages moved."""
    answered = [one for one in found if one.is_answered]
    changed = [one for one in answered if one.operator != one.known.operator]
    if answered:
        _keep(session, answered)
    owned = [one for one in changed if one.operator is not None]
    if owned:
        ensure_operators(session)
        values = {"domains": [one.known.domain for one in owned], "operators": [one.operator for one in owned]}
        session.execute(text(_OWN), values | {"learned": FIRST_LEARNED})
    disowned = [one.known.domain for one in changed if one.operator is None]
    if disowned:
        session.execute(text(_DISOWN), {"domains": disowned, "learned": FIRST_LEARNED})
    moves = [Move(one.known.label, one.known.operator or OTHER, one.operator or OTHER) for one in changed]
    return move_ready(session, moves)


def put_off_domains(session: Session, unanswered: Sequence[Known], *, all_silent: bool) -> None:
    """Ask about these again later, each time after twice as long; soon when there was nobody to ask at all."""
    now = clock.now()
    failures = [min(one.failures + (not all_silent), MOST_FAILURES) for one in unanswered]
    waits = [SILENCE if all_silent else min(LONGEST_RETRY, FIRST_RETRY * 2 ** (many - 1)) for many in failures]
    values = {
        "domains": [one.domain for one in unanswered],
        "failures": failures,
        "moments": [now + wait for wait in waits],
    }
    session.execute(text(_PUT_OFF), values)


def _keep(session: Session, answered: Sequence[Learned]) -> None:
    now = clock.now()
    columns = {
        "domains": [one.known.domain for one in answered],
        "operators": [one.operator for one in answered],
        "hosts": [one.host for one in answered],
    }
    session.execute(text(_NOTE), columns | {"now": now, "next": now + FRESH_FOR})
