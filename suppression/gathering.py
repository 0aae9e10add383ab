"""The facts of a whole audience, gathered by the database in a handful of queries, never by a query per recipient.

Three temporary tables, gone with the transaction: `recipient` (who, with country and consent), `mark` (what is known
about the few of whom something is known: objections, orders, listings, caps) and `situation` (one row per recipient
with the number of its `Facts` and the ids of the evidence). Each is analysed before it is joined: PostgreSQL takes a
fresh table for tiny otherwise, and walks through it once per recipient.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy import BigInteger, Boolean, DateTime, String, and_, case, column, insert, select, table, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SelectBase

from contacts.consent_models import Consent
from contacts.models import Contact
from suppression.facts import BASES
from suppression.lists.standing import RequiredVersion
from suppression.rule_settings import Cap, RuleSettings, months_before
from suppression.rules import ANSWERS

# Confirmations and orders of the future are not believed, but clocks of two machines may differ a little.
CLOCKS_MAY_DIFFER = timedelta(minutes=5)

# The month of a recipient's own wish for at most so many messages.
MONTH = timedelta(days=30)

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

    recipient: str
    mark: str
    situation: str
    verdict: str


def fresh_names() -> Names:
    """Names that this process has not used yet."""
    number = next(_numbers)
    return Names(*(f"{name}_{number}" for name in ("recipient", "mark", "situation", "verdict")))


def put_recipients(
    session: Session, names: Names, *, audience: SelectBase, question: Question, as_of: datetime, fresh_after: datetime
) -> None:
    """Fill `recipient`: the audience with country and consent."""
    session.execute(
        text(
            f"CREATE TEMP TABLE {names.recipient} (contact_id bigint, endpoint_id bigint, address_id bigint,"
            " known boolean, country text, consent_id bigint, confirmed_at timestamptz, withdrawn_at timestamptz,"
            " fresh boolean) ON COMMIT DROP"
        )
    )
    who = audience.subquery("audience").c
    # A confirmation that lies in the future proves nothing, except that some clock is off.
    confirmed = case((Consent.confirmed_at <= as_of + CLOCKS_MAY_DIFFER, Consent.confirmed_at))
    rows = (
        select(
            who.contact_id,
            who.endpoint_id,
            who.address_id,
            and_(who.endpoint_id.is_not(None), Contact.id.is_not(None)),
            Contact.country,
            Consent.id,
            confirmed,
            Consent.withdrawn_at,
            confirmed.is_not(None) & (confirmed > fresh_after),
        )
        .select_from(who.address_id.table)
        .outerjoin(Contact, Contact.id == who.contact_id)
        .outerjoin(
            Consent,
            and_(
                Consent.address_id == who.address_id,
                Consent.controller_id == question.controller_id,
                Consent.channel == question.channel,
                Consent.purpose == question.purpose,
            ),
        )
    )
    target = table(
        names.recipient,
        column("contact_id", BigInteger),
        column("endpoint_id", BigInteger),
        column("address_id", BigInteger),
        column("known", Boolean),
        column("country", String),
        column("consent_id", BigInteger),
        column("confirmed_at", DateTime(timezone=True)),
        column("withdrawn_at", DateTime(timezone=True)),
        column("fresh", Boolean),
    )
    session.execute(insert(target).from_select([found.name for found in target.columns], rows))
    session.execute(text(f"ANALYZE {names.recipient}"))


# An absent channel, purpose or controller of an entry means all of them. One exception: who objects to all advertising
# still gets answers to what he does himself, so for those an opt-out counts only when it names the purpose.
_IN_SCOPE = """
    (e.channel IS NULL OR e.channel = :channel) AND (e.controller_id IS NULL OR e.controller_id = :controller)
    AND (e.purpose = :purpose OR (e.purpose IS NULL AND NOT (:answering AND e.cause = 'opted_out')))
    AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id)
"""

_ENTRIES = f"""
    SELECT r.address_id, e.cause AS kind, e.at, e.id AS ref
    FROM {{recipient}} AS r JOIN suppression_entry AS e ON e.address_id = r.address_id WHERE {_IN_SCOPE}
"""  # noqa: S608 - no text of a user in it

_DOMAIN_ENTRIES = f"""
    SELECT r.address_id, e.cause, e.at, e.id
    FROM {{recipient}} AS r JOIN address AS a ON a.id = r.address_id
    JOIN suppression_entry AS e ON e.domain_key = a.domain_key WHERE {_IN_SCOPE}
"""  # noqa: S608 - no text of a user in it

# Orders and the last use matter only where there is no fresh consent: it is the stronger basis by itself.
_ORDERS = """
    SELECT r.address_id, 'order', p.ordered_at, p.id
    FROM {recipient} AS r JOIN purchase AS p ON p.contact_id = r.contact_id
    WHERE NOT r.fresh AND p.objection_notice_shown AND p.ordered_at BETWEEN :customer_since AND :latest
"""

_USES = """
    SELECT r.address_id, 'use', x.last_at, NULL
    FROM {recipient} AS r JOIN exposure AS x ON x.address_id = r.address_id
    WHERE NOT r.fresh AND r.confirmed_at IS NOT NULL
      AND x.channel = :channel AND x.purpose = :purpose AND x.basis = 'consent'
      AND x.last_at BETWEEN :lapsed_before AND :latest
"""

_LISTINGS = """
    SELECT r.address_id, 'listing', NULL, h.version_id
    FROM {recipient} AS r JOIN list_hit AS h ON h.address_id = r.address_id
    JOIN unnest(CAST(:versions AS bigint[]), CAST(:countries AS text[])) AS v (version_id, country)
      ON v.version_id = h.version_id AND v.country = coalesce(r.country, '')
"""

_PAUSES = """
    SELECT r.address_id, 'pause', c.paused_until, NULL
    FROM {recipient} AS r JOIN recipient_choice AS c ON c.address_id = r.address_id WHERE c.paused_until > :as_of
"""

_OWN_WISH = """
    SELECT r.address_id, 'cap', max(x.last_at), NULL
    FROM {recipient} AS r JOIN recipient_choice AS c ON c.address_id = r.address_id
    JOIN exposure AS x ON x.address_id = r.address_id
    WHERE c.most_per_month IS NOT NULL AND x.channel = :channel AND x.purpose <> ALL (:answers) AND x.day > :month_ago
    GROUP BY r.address_id, c.most_per_month HAVING sum(x.messages) >= c.most_per_month
"""

_CAP = """
    SELECT r.address_id, 'cap', max(x.last_at), NULL
    FROM {{recipient}} AS r JOIN exposure AS x ON x.address_id = r.address_id
    WHERE x.channel = :channel AND {purpose} AND x.day > :cap_after_{number}
    GROUP BY r.address_id HAVING sum(x.messages) >= :cap_messages_{number}
"""

_MARK = """
    INSERT INTO {mark}
    SELECT address_id,
      max(at) FILTER (WHERE kind = 'opted_out'),
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'opted_out'))[1],
      max(at) FILTER (WHERE kind = 'complaint'),
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'complaint'))[1],
      max(at) FILTER (WHERE kind = 'hard_bounce'),
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'hard_bounce'))[1],
      max(at) FILTER (WHERE kind = 'internal_block'),
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'internal_block'))[1],
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'order'))[1],
      max(at) FILTER (WHERE kind = 'use'),
      min(ref) FILTER (WHERE kind = 'listing'),
      bool_or(kind = 'pause'),
      bool_or(kind = 'cap')
    FROM ({parts}) AS known (address_id, kind, at, ref) GROUP BY address_id
"""


def put_marks(
    session: Session,
    names: Names,
    *,
    question: Question,
    settings: RuleSettings,
    lists: tuple[RequiredVersion, ...],
    as_of: datetime,
) -> None:
    """Fill `mark`: one row for each recipient about whom anything is known besides the consent."""
    session.execute(
        text(
            f"CREATE TEMP TABLE {names.mark} (address_id bigint, opted_out_at timestamptz, opted_out_id bigint,"
            " complaint_at timestamptz, complaint_id bigint, hard_bounce_at timestamptz, hard_bounce_id bigint,"
            " internal_block_at timestamptz, internal_block_id bigint, purchase_id bigint, used_at timestamptz,"
            " list_version_id bigint, paused boolean, capped boolean) ON COMMIT DROP"
        )
    )
    parts = [_ENTRIES, _ORDERS, _USES, _LISTINGS, _PAUSES, _OWN_WISH]
    # Blocked domains are rare, and looking for them means walking through the addresses.
    if session.scalar(text("SELECT EXISTS (SELECT 1 FROM suppression_entry WHERE domain_key IS NOT NULL)")):
        parts.append(_DOMAIN_ENTRIES)
    parts += [_cap_part(number, cap) for number, cap in _caps(settings, question)]
    union = " UNION ALL ".join(part.format(recipient=names.recipient) for part in parts)
    pairs = [(found.version_id, country) for found in lists if found.version_id for country in found.concerned]
    session.execute(
        text(_MARK.format(mark=names.mark, parts=union)),
        {
            "channel": question.channel,
            "controller": question.controller_id,
            "purpose": question.purpose,
            "answering": question.purpose in ANSWERS,
            "answers": list(ANSWERS),
            "as_of": as_of,
            "latest": as_of + CLOCKS_MAY_DIFFER,
            "customer_since": months_before(as_of, settings.customer_months),
            "lapsed_before": months_before(as_of, settings.lapsed_after_months),
            "month_ago": (as_of - MONTH).date(),
            "versions": [version for version, _country in pairs],
            "countries": [country for _version, country in pairs],
            **_cap_values(settings, question, as_of.date()),
        },
    )
    session.execute(text(f"ANALYZE {names.mark}"))


def _caps(settings: RuleSettings, question: Question) -> list[tuple[int, Cap]]:
    return [
        (number, cap)
        for number, cap in enumerate(settings.caps)
        if cap.purpose is None or cap.purpose == question.purpose
    ]


def _cap_part(number: int, cap: Cap) -> str:
    purpose = "x.purpose <> ALL (:answers)" if cap.purpose is None else "x.purpose = :purpose"
    return _CAP.format(purpose=purpose, number=number)


def _cap_values(settings: RuleSettings, question: Question, today: date) -> dict[str, object]:
    values: dict[str, object] = {}
    for number, cap in _caps(settings, question):
        values[f"cap_messages_{number}"] = cap.messages
        values[f"cap_after_{number}"] = today - timedelta(days=cap.days)
    return values


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
