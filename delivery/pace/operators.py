"""Who runs the mailboxes of a domain: a table of those with many, and the domains that were learned."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core import clock
from delivery.pace.models import MailOperator, OperatorDomain

TABLE = Path(__file__).parent / "operators.tsv"
COLUMNS = ("number", "code", "name", "domains", "source")

# Everybody whom the table does not name, together.
OTHER = 0
OTHER_CODE = "other"
FIRST_LEARNED = 1000
# The ledger has two bytes for the number.
LAST_LEARNED = 32_000


@dataclass(frozen=True)
class Operator:
    """One row of the table."""

    number: int
    code: str
    name: str
    domains: tuple[str, ...]


@cache
def operators() -> tuple[Operator, ...]:
    """All operators of the table."""
    lines = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if line]
    if tuple(lines[0]) != COLUMNS:
        raise ValueError(f"{TABLE.name} has the columns {COLUMNS}")
    return tuple(
        Operator(int(number), code, name, tuple(domains.split())) for number, code, name, domains, _ in lines[1:]
    )


@cache
def codes() -> Mapping[int, str]:
    """The code of each number of the table."""
    return {OTHER: OTHER_CODE} | {one.number: one.code for one in operators()}


_OPERATORS = """
    INSERT INTO mail_operator (id, code, name)
    SELECT * FROM unnest(CAST(:numbers AS smallint[]), CAST(:codes AS text[]), CAST(:names AS text[]))
                  AS t (id, code, name)
    ORDER BY id ON CONFLICT (id) DO UPDATE SET code = excluded.code, name = excluded.name
    WHERE (mail_operator.code, mail_operator.name) <> (excluded.code, excluded.name)
"""

_DOMAINS = """
    INSERT INTO operator_domain (domain, operator)
    SELECT * FROM unnest(CAST(:domains AS text[]), CAST(:owners AS smallint[])) AS t (domain, operator)
    ORDER BY domain ON CONFLICT (domain) DO UPDATE SET operator = excluded.operator
    WHERE operator_domain.operator <> excluded.operator
"""


def ensure_operators(session: Session) -> None:
    """Bring the tables of the database to what the file says; two short statements, before an audience is written."""
    known = [Operator(OTHER, OTHER_CODE, "Other", ()), *operators()]
    pairs = [(domain, one.number) for one in known for domain in one.domains]
    session.execute(
        text(_OPERATORS),
        {
            "numbers": [one.number for one in known],
            "codes": [one.code for one in known],
            "names": [one.name for one in known],
        },
    )
    session.execute(
        text(_DOMAINS), {"domains": [domain for domain, _ in pairs], "owners": [owner for _, owner in pairs]}
    )


def learn_operator(session: Session, *, domain: str) -> int | None:
    """Make a domain an operator of its own. Answers its number, or None when there are too many of them."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('mail_operator'))"))
    known = session.scalar(select(OperatorDomain.operator).where(OperatorDomain.domain == domain))
    if known is not None:
        return known
    ensure_operators(session)
    number: int = session.execute(
        text("SELECT greatest(max(id) + 1, :first) FROM mail_operator"), {"first": FIRST_LEARNED}
    ).scalar_one()
    if number > LAST_LEARNED:
        return None
    session.add(MailOperator(id=number, code=domain, name=domain, learned_at=clock.now()))
    session.flush()
    session.add(OperatorDomain(domain=domain, operator=number))
    session.flush()
    return number


def names_of(session: Session) -> dict[int, MailOperator]:
    """All operators that the database knows, by number."""
    return {one.id: one for one in session.scalars(select(MailOperator).order_by(MailOperator.id))}
