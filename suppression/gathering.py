"""The facts of a whole audience, gathered by the database in a handful of queries, never by a query per recipient.

The temporary tables are gone with the transaction: `audience` (who), `recipient` (with country and consent), `mark`
(what is known about the few of whom anything is known, see `suppression.marks`) and `situation` (one row per recipient
with the number of its `Facts` and the ids of the evidence). Each is analysed before it is joined: PostgreSQL takes a
fresh table for tiny otherwise, and walks through it once per recipient.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, column, insert, select, table, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SelectBase

from suppression.facts import BASES
from suppression.lists.standing import RequiredVersion
from suppression.policy_table import PolicyLine
from suppression.rule_settings import RuleSettings

# Confirmations and orders of the future are not believed, but clocks of two machines may differ a little.
CLOCKS_MAY_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Question:
    """What is asked: whether this controller may write on this channel for this purpose, about this topic if any.

    `at_once`: the person would be reached right now, so quiet hours count. A plan is made at any hour.
    """

    channel: str
    purpose: str
    controller_id: int
    topic: str | None = None
    at_once: bool = False


@dataclass(frozen=True)
class Asked:
    """What is asked, by which settings and list versions, about which moment, and by what was known at which one."""

    question: Question
    settings: RuleSettings
    lists: tuple[RequiredVersion, ...]
    lines: tuple[PolicyLine, ...]
    as_of: datetime
    known_by: datetime | None

    @property
    def known(self) -> dict[str, datetime]:
        """The moment of the past as a parameter of a statement; none when everything on record counts."""
        return {"known_by": self.known_by} if self.known_by else {}


@dataclass(frozen=True)
class Names:
    """The temporary tables of one assessment, numbered so that a transaction may hold several."""

    audience: str
    policy: str
    recipient: str
    mark: str
    situation: str


# Names come back in each transaction, so that the statements of a gate are the same ones every time and are compiled
# once. A plan that was made for a batch must not be taken for an audience of a million, so for as long as facts are
# gathered every statement is planned for itself; `restore` ends that, because checks of foreign keys would be planned
# for every row, too.
_TABLES = """
    SET LOCAL default_statistics_target = 10;
    SET LOCAL plan_cache_mode = force_custom_plan;
    CREATE TEMP TABLE {audience} (contact_id bigint, endpoint_id bigint, address_id bigint) ON COMMIT DROP;
    CREATE TEMP TABLE {policy} (policy smallint, country text, kind text, fresh_after timestamptz,
      lapsed_before timestamptz, customer_since timestamptz, inquired_since timestamptz, no_consent_needed boolean,
      list_outdated boolean, quiet boolean) ON COMMIT DROP;
    CREATE TEMP TABLE {recipient} (contact_id bigint, endpoint_id bigint, address_id bigint,
      known boolean, country text, policy smallint, consent_id bigint, confirmed_at timestamptz,
      withdrawn_at timestamptz, fresh boolean) ON COMMIT DROP;
    CREATE TEMP TABLE {mark} (address_id bigint, opted_out_at timestamptz, opted_out_id bigint,
      complaint_at timestamptz, complaint_id bigint, hard_bounce_at timestamptz, hard_bounce_id bigint,
      internal_block_at timestamptz, internal_block_id bigint, kept_back_id bigint, deceased boolean,
      restricted boolean, minor boolean, case_open boolean, purchase_id bigint, ordered_at timestamptz,
      inquiry_id bigint, inquired_at timestamptz, used_at timestamptz, list_version_id bigint, listed integer,
      unasked boolean, paused boolean, capped boolean, topic_off boolean, role_account boolean, unproven boolean)
      ON COMMIT DROP;
    CREATE TEMP TABLE {situation} (contact_id bigint, endpoint_id bigint, address_id bigint, facts integer,
      consent_id bigint, purchase_id bigint, entry_id bigint, list_version_id bigint) ON COMMIT DROP
"""


_RESTORE = """
    SET LOCAL plan_cache_mode TO DEFAULT;
    SET LOCAL default_statistics_target TO DEFAULT
"""


def restore(session: Session) -> None:
    """Give the transaction back as it was: the caller goes on with statements of its own."""
    session.execute(text(_RESTORE))


def make_tables(session: Session) -> Names:
    """Make the temporary tables of one more assessment in this transaction."""
    session.connection()
    transaction, number = session.info.get("assessments", (None, 0))
    number = number + 1 if transaction is session.get_transaction() else 1
    session.info["assessments"] = (session.get_transaction(), number)
    names = Names(*(f"{name}_{number}" for name in ("audience", "policy", "recipient", "mark", "situation")))
    session.execute(text(_TABLES.format(**vars(names))))
    return names


@dataclass(frozen=True)
class Reach:
    """The ids between which an audience lies.

    A chunk of a plan is a narrow range of each big table. Saying so makes PostgreSQL read that range instead of the
    whole table, and a chunk costs the same whether there are one or ten million people.
    """

    people: int
    first_contact: int | None
    last_contact: int | None
    first_address: int | None
    last_address: int | None

    @property
    def ids(self) -> dict[str, int | None]:
        """The four ends, as parameters of a statement."""
        return {name: value for name, value in vars(self).items() if name != "people"}


# Of smaller tables PostgreSQL sees enough in their size.
WORTH_ANALYSING = 2_000


def analyse(session: Session, name: str, reach: Reach) -> None:
    """Have PostgreSQL look at a temporary table before it is joined."""
    if reach.people >= WORTH_ANALYSING:
        session.execute(text(f"ANALYZE {name}"))


def put_audience(session: Session, names: Names, *, audience: SelectBase, repeated: bool) -> Reach:
    """Fill `audience`: who is asked about. `repeated`: an address may come twice, and counts once."""
    ids = ("contact_id", "endpoint_id", "address_id")
    who, target = audience.subquery(), table(names.audience, *(column(name, BigInteger) for name in ids))
    rows = select(*(who.c[name] for name in ids))
    session.execute(insert(target).from_select(ids, rows.ext(distinct_on(who.c.address_id)) if repeated else rows))
    found = session.execute(
        text(
            "SELECT count(*) AS people, min(contact_id) AS first_contact, max(contact_id) AS last_contact,"  # noqa: S608 - a name of ours
            f" min(address_id) AS first_address, max(address_id) AS last_address FROM {names.audience}"
        )
    ).one()
    reach = Reach(**found._asdict())
    analyse(session, names.audience, reach)
    return reach


_POLICIES = """
    INSERT INTO {policy} SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS line (policy smallint, country text,
      kind text, fresh_after timestamptz, lapsed_before timestamptz, customer_since timestamptz,
      inquired_since timestamptz, no_consent_needed boolean, list_outdated boolean, quiet boolean)
"""


def put_policies(session: Session, names: Names, *, lines: Sequence[PolicyLine]) -> None:
    """Fill `policy`: what holds in each country for each kind of people, some dozen rows."""
    rows = json.dumps([vars(line) for line in lines], default=datetime.isoformat)
    session.execute(text(_POLICIES.format(policy=names.policy)), {"lines": rows})


# A confirmation that lies in the future proves nothing, except that some clock is off.
_CONSENTS = """
    SELECT id, address_id, withdrawn_at, CASE WHEN confirmed_at <= :latest THEN confirmed_at END AS confirmed_at
    FROM consent
    WHERE controller_id = :controller AND channel = :channel AND purpose = :purpose
      AND address_id BETWEEN :first_address AND :last_address
"""

# What was known at a moment of the past: the sum of the steps that were on record by then.
_CONSENTS_THEN = """
    SELECT id, address_id, CASE WHEN withdrawn_at < confirmed_at THEN NULL ELSE withdrawn_at END AS withdrawn_at,
      confirmed_at
    FROM (
        SELECT c.id, c.address_id, max(e.at) FILTER (WHERE e.step = 'withdrawn') AS withdrawn_at,
          max(e.at) FILTER (WHERE e.step = 'confirmed' AND e.at <= :latest) AS confirmed_at
        FROM consent AS c JOIN consent_event AS e ON e.consent_id = c.id AND e.recorded_at <= :known_by
        WHERE c.controller_id = :controller AND c.channel = :channel AND c.purpose = :purpose
          AND c.address_id BETWEEN :first_address AND :last_address
        GROUP BY c.id
    ) AS then_known
"""

# Who is erased has no country and no kind any more: the strictest policy for people.
_RECIPIENTS = """
    INSERT INTO {recipient}
    SELECT who.contact_id, who.endpoint_id, who.address_id, who.endpoint_id IS NOT NULL AND c.id IS NOT NULL, c.country,
      p.policy, k.id, k.confirmed_at, k.withdrawn_at, coalesce(k.confirmed_at > p.fresh_after, false)
    FROM {audience} AS who
    LEFT JOIN contact AS c ON c.id = who.contact_id AND c.id BETWEEN :first_contact AND :last_contact
    JOIN {policy} AS p ON p.kind = coalesce(c.kind, 'b2c')
      AND p.country = CASE WHEN coalesce(c.country, '') = ANY (:countries) THEN coalesce(c.country, '') ELSE '*' END
    LEFT JOIN ({consents}) AS k ON k.address_id = who.address_id
"""


def put_recipients(session: Session, names: Names, *, reach: Reach, asked: Asked) -> None:
    """Fill `recipient`: the audience with country, policy and consent."""
    consents = _CONSENTS if asked.known_by is None else _CONSENTS_THEN
    session.execute(
        text(
            _RECIPIENTS.format(
                recipient=names.recipient, audience=names.audience, policy=names.policy, consents=consents
            )
        ),
        {
            "channel": asked.question.channel,
            "controller": asked.question.controller_id,
            "purpose": asked.question.purpose,
            "latest": asked.as_of + CLOCKS_MAY_DIFFER,
            "countries": sorted({line.country for line in asked.lines}),
            **asked.known,
            **reach.ids,
        },
    )
    analyse(session, names.recipient, reach)


def _objection(moment: str) -> str:
    return f"CASE WHEN {moment} IS NULL THEN 0 WHEN {moment} > coalesce(r.confirmed_at, '-infinity') THEN 2 ELSE 1 END"


_BOUGHT, _INQUIRED = "m.ordered_at >= p.customer_since", "m.inquired_at >= p.inquired_since"

# One number for each field of `Facts`, in classes only: the rules read them, SQL never weighs them against each other.
_DIGITS = {
    "opted_out": _objection("greatest(m.opted_out_at, r.withdrawn_at)"),
    "complaint": _objection("m.complaint_at"),
    "hard_bounce": _objection("m.hard_bounce_at"),
    "internal_block": _objection("m.internal_block_at"),
    "consent": (
        "CASE WHEN r.consent_id IS NULL THEN 0 WHEN r.confirmed_at IS NULL THEN 1"
        " WHEN greatest(r.confirmed_at, m.used_at) < p.lapsed_before THEN 2"
        " WHEN greatest(r.confirmed_at, m.used_at) <= p.fresh_after THEN 3 ELSE 4 END"
    ),
    "customer": f"CAST(coalesce({_BOUGHT}, false) OR coalesce({_INQUIRED}, false) AS int)",
    "erased": "CAST(NOT r.known AS int)",
    "listed": "coalesce(m.listed, 0)",
    "list_outdated": "CAST(p.list_outdated OR coalesce(m.unasked, false) AS int)",
    "no_consent_needed": "CAST(p.no_consent_needed AS int)",
    "quiet": "CAST(p.quiet AS int)",
} | {
    name: f"CAST(coalesce(m.{name}, false) AS int)"
    for name in (
        "paused",
        "capped",
        "topic_off",
        "deceased",
        "restricted",
        "minor",
        "case_open",
        "role_account",
        "unproven",
    )
}

_STANDING_ENTRY = "CASE {} END".format(
    " ".join(
        f"WHEN m.{cause}_at > coalesce(r.confirmed_at, '-infinity') THEN m.{cause}_id"
        for cause in ("opted_out", "complaint", "hard_bounce")
    )
    + " ELSE coalesce(m.internal_block_id, m.kept_back_id)"
)


def _packed() -> str:
    number = "0"
    for name, base in BASES.items():
        number = f"({number}) * {base} + ({_DIGITS[name]})"
    return number


_SITUATION = f"""
    INSERT INTO {{situation}}
    SELECT r.contact_id, r.endpoint_id, r.address_id, {_packed()},
      r.consent_id, CASE WHEN {_BOUGHT} THEN m.purchase_id WHEN {_INQUIRED} THEN m.inquiry_id END, {_STANDING_ENTRY},
      m.list_version_id
    FROM {{recipient}} AS r JOIN {{policy}} AS p ON p.policy = r.policy
    LEFT JOIN {{mark}} AS m ON m.address_id = r.address_id
"""  # noqa: S608 - no text of a user in it


def put_situations(session: Session, names: Names, *, reach: Reach) -> dict[int, int]:
    """Fill `situation` and answer how many recipients are in each: the number of the facts → recipients."""
    session.execute(text(_SITUATION.format(**vars(names))))
    analyse(session, names.situation, reach)
    counted = session.execute(text(f"SELECT facts, count(*) AS people FROM {names.situation} GROUP BY facts"))  # noqa: S608 - a name of ours
    return {row.facts: row.people for row in counted}
