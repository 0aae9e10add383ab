"""The facts of a whole audience, gathered by the database in a handful of queries, never by a query per recipient.

The temporary tables are gone with the transaction: `audience` (who), `recipient` (with country and consent), `mark`
(what is known about the few of whom anything is known, see `suppression.marks`) and `situation` (one row per recipient
with the number of its `Facts` and the ids of the evidence). Each is analysed before it is joined: PostgreSQL takes a
fresh table for tiny otherwise, and walks through it once per recipient.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import BigInteger, column, insert, select, table, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SelectBase

from suppression.facts import BASES
from suppression.lists.standing import RequiredVersion
from suppression.rule_settings import RuleSettings, months_before

# Confirmations and orders of the future are not believed, but clocks of two machines may differ a little.
CLOCKS_MAY_DIFFER = timedelta(minutes=5)

_numbers = count(1)


@dataclass(frozen=True)
class Question:
    """What is asked: whether this controller may write on this channel for this purpose."""

    channel: str
    purpose: str
    controller_id: int


@dataclass(frozen=True)
class Names:
    """The temporary tables of one assessment, named apart so that a transaction may hold several."""

    audience: str
    recipient: str
    mark: str
    situation: str
    verdict: str


def fresh_names() -> Names:
    """Names that this process has not used yet."""
    number = next(_numbers)
    return Names(*(f"{name}_{number}" for name in ("audience", "recipient", "mark", "situation", "verdict")))


@dataclass(frozen=True)
class Reach:
    """The ids between which an audience lies.

    A chunk of a plan is a narrow range of each big table. Saying so makes PostgreSQL read that range instead of the
    whole table, and a chunk costs the same whether there are one or ten million people.
    """

    first_contact: int | None
    last_contact: int | None
    first_address: int | None
    last_address: int | None


def put_audience(session: Session, names: Names, *, audience: SelectBase) -> Reach:
    """Fill `audience`: who is asked about, by contact_id, endpoint_id and address_id."""
    # Ten is plenty for tables whose columns are ids; the default reads thirty thousand rows of each.
    session.execute(text("SELECT set_config('default_statistics_target', '10', true)"))
    ids = ("contact_id", "endpoint_id", "address_id")
    session.execute(
        text(f"CREATE TEMP TABLE {names.audience} ({', '.join(f'{name} bigint' for name in ids)}) ON COMMIT DROP")
    )
    who, target = audience.subquery(), table(names.audience, *(column(name, BigInteger) for name in ids))
    session.execute(insert(target).from_select(ids, select(*(who.c[name] for name in ids))))
    session.execute(text(f"ANALYZE {names.audience}"))
    found = session.execute(
        text(
            "SELECT min(contact_id) AS first_contact, max(contact_id) AS last_contact,"  # noqa: S608 - a name of ours
            f" min(address_id) AS first_address, max(address_id) AS last_address FROM {names.audience}"
        )
    ).one()
    return Reach(**found._asdict())


# A confirmation that lies in the future proves nothing, except that some clock is off.
_RECIPIENTS = """
    INSERT INTO {recipient}
    SELECT who.contact_id, who.endpoint_id, who.address_id, who.endpoint_id IS NOT NULL AND c.id IS NOT NULL, c.country,
      k.id, k.confirmed_at, k.withdrawn_at, coalesce(k.confirmed_at > :fresh_after, false)
    FROM {audience} AS who
    LEFT JOIN contact AS c ON c.id = who.contact_id AND c.id BETWEEN :first_contact AND :last_contact
    LEFT JOIN (
        SELECT id, address_id, withdrawn_at, CASE WHEN confirmed_at <= :latest THEN confirmed_at END AS confirmed_at
        FROM consent
        WHERE controller_id = :controller AND channel = :channel AND purpose = :purpose
          AND address_id BETWEEN :first_address AND :last_address
    ) AS k ON k.address_id = who.address_id
"""


def put_recipients(
    session: Session, names: Names, *, reach: Reach, question: Question, settings: RuleSettings, as_of: datetime
) -> None:
    """Fill `recipient`: the audience with country and consent."""
    session.execute(
        text(
            f"CREATE TEMP TABLE {names.recipient} (contact_id bigint, endpoint_id bigint, address_id bigint,"
            " known boolean, country text, consent_id bigint, confirmed_at timestamptz, withdrawn_at timestamptz,"
            " fresh boolean) ON COMMIT DROP"
        )
    )
    session.execute(
        text(_RECIPIENTS.format(recipient=names.recipient, audience=names.audience)),
        {
            "channel": question.channel,
            "controller": question.controller_id,
            "purpose": question.purpose,
            "latest": as_of + CLOCKS_MAY_DIFFER,
            "fresh_after": months_before(as_of, settings.stale_after_months),
            **vars(reach),
        },
    )
    session.execute(text(f"ANALYZE {names.recipient}"))


def _objection(moment: str) -> str:
    return f"CASE WHEN {moment} IS NULL THEN 0 WHEN {moment} > coalesce(r.confirmed_at, '-infinity') THEN 2 ELSE 1 END"


# One number for each field of `Facts`, in classes only: the rules read them, SQL never weighs them against each other.
_DIGITS = {
    "opted_out": _objection("greatest(m.opted_out_at, r.withdrawn_at)"),
    "complaint": _objection("m.complaint_at"),
    "hard_bounce": _objection("m.hard_bounce_at"),
    "internal_block": _objection("m.internal_block_at"),
    "consent": (
        "CASE WHEN r.consent_id IS NULL THEN 0 WHEN r.confirmed_at IS NULL THEN 1"
        " WHEN greatest(r.confirmed_at, m.used_at) < :lapsed_before THEN 2"
        " WHEN greatest(r.confirmed_at, m.used_at) <= :fresh_after THEN 3 ELSE 4 END"
    ),
    "customer": "CAST(m.purchase_id IS NOT NULL AS int)",
    "erased": "CAST(NOT r.known AS int)",
    "listed": "CAST(m.list_version_id IS NOT NULL AS int)",
    "list_outdated": "CAST(coalesce(r.country, '') = ANY (:outdated) AS int)",
    "paused": "CAST(coalesce(m.paused, false) AS int)",
    "capped": "CAST(coalesce(m.capped, false) AS int)",
}

_STANDING_ENTRY = "CASE {} END".format(
    " ".join(
        f"WHEN m.{cause}_at > coalesce(r.confirmed_at, '-infinity') THEN m.{cause}_id"
        for cause in ("opted_out", "complaint", "hard_bounce")
    )
    + " ELSE m.internal_block_id"
)


def _packed() -> str:
    number = "0"
    for name, base in BASES.items():
        number = f"({number}) * {base} + ({_DIGITS[name]})"
    return number


_SITUATION = f"""
    INSERT INTO {{situation}}
    SELECT r.contact_id, r.endpoint_id, r.address_id, {_packed()},
      r.consent_id, m.purchase_id, {_STANDING_ENTRY}, m.list_version_id
    FROM {{recipient}} AS r LEFT JOIN {{mark}} AS m ON m.address_id = r.address_id
"""  # noqa: S608 - no text of a user in it


def put_situations(
    session: Session, names: Names, *, settings: RuleSettings, lists: tuple[RequiredVersion, ...], as_of: datetime
) -> dict[int, int]:
    """Fill `situation` and answer how many recipients are in each: the number of the facts → recipients."""
    session.execute(
        text(
            f"CREATE TEMP TABLE {names.situation} (contact_id bigint, endpoint_id bigint, address_id bigint,"
            " facts integer, consent_id bigint, purchase_id bigint, entry_id bigint, list_version_id bigint)"
            " ON COMMIT DROP"
        )
    )
    session.execute(
        text(_SITUATION.format(situation=names.situation, recipient=names.recipient, mark=names.mark)),
        {
            "fresh_after": months_before(as_of, settings.stale_after_months),
            "lapsed_before": months_before(as_of, settings.lapsed_after_months),
            "outdated": sorted({country for found in lists if found.outdated for country in found.concerned}),
        },
    )
    session.execute(text(f"ANALYZE {names.situation}"))
    counted = session.execute(text(f"SELECT facts, count(*) AS people FROM {names.situation} GROUP BY facts"))  # noqa: S608 - a name of ours
    return {row.facts: row.people for row in counted}
