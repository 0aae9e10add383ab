"""What is known about some recipients besides the consent: objections, orders, last use, listings, pauses, caps.

Most recipients have no mark at all. Those who have get one row, however many things are known about them.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from suppression.gathering import CLOCKS_MAY_DIFFER, Names, Question, Reach, analyse
from suppression.lists.standing import RequiredVersion
from suppression.rule_settings import Cap, RuleSettings, months_before
from suppression.rules import ANSWERS

# The month of a recipient's own wish for at most so many messages.
MONTH = timedelta(days=30)

# An absent channel, purpose or controller of an entry means all of them. One exception: who objects to all advertising
# still gets answers to what he does himself, so for those an opt-out counts only when it names the purpose.
_IN_SCOPE = """
    (e.channel IS NULL OR e.channel = :channel) AND (e.controller_id IS NULL OR e.controller_id = :controller)
    AND (e.purpose = :purpose OR (e.purpose IS NULL AND NOT (:answering AND e.cause = 'opted_out')))
    AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id)
"""

_ENTRIES = f"""
    SELECT r.address_id, e.cause AS kind, e.at, e.id AS ref
    FROM {{recipient}} AS r JOIN suppression_entry AS e ON e.address_id = r.address_id
    WHERE e.address_id BETWEEN :first_address AND :last_address AND {_IN_SCOPE}
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
    WHERE p.contact_id BETWEEN :first_contact AND :last_contact
      AND NOT r.fresh AND p.objection_notice_shown AND p.ordered_at BETWEEN :customer_since AND :latest
"""

_USES = """
    SELECT r.address_id, 'use', x.last_at, NULL
    FROM {recipient} AS r JOIN exposure AS x ON x.address_id = r.address_id
    WHERE x.address_id BETWEEN :first_address AND :last_address AND NOT r.fresh AND r.confirmed_at IS NOT NULL
      AND x.channel = :channel AND x.purpose = :purpose AND x.basis = 'consent'
      AND x.last_at BETWEEN :lapsed_before AND :latest
"""

_LISTINGS = """
    SELECT r.address_id, 'listing', NULL, h.version_id
    FROM {recipient} AS r JOIN list_hit AS h ON h.address_id = r.address_id
      AND h.address_id BETWEEN :first_address AND :last_address
    JOIN unnest(CAST(:versions AS bigint[]), CAST(:countries AS text[])) AS v (version_id, country)
      ON v.version_id = h.version_id AND v.country = coalesce(r.country, '')
"""

_PAUSES = """
    SELECT r.address_id, 'pause', c.paused_until, NULL
    FROM {recipient} AS r JOIN recipient_choice AS c ON c.address_id = r.address_id
    WHERE c.address_id BETWEEN :first_address AND :last_address AND c.paused_until > :as_of
"""

_TOPIC_OFF = """
    SELECT r.address_id, 'topic', NULL, NULL
    FROM {recipient} AS r JOIN recipient_choice AS c ON c.address_id = r.address_id
    WHERE c.address_id BETWEEN :first_address AND :last_address AND jsonb_exists(c.topics_off, :topic)
"""

_OWN_WISH = """
    SELECT r.address_id, 'cap', max(x.last_at), NULL
    FROM {recipient} AS r JOIN recipient_choice AS c ON c.address_id = r.address_id
    JOIN exposure AS x ON x.address_id = r.address_id
    WHERE x.address_id BETWEEN :first_address AND :last_address AND c.most_per_month IS NOT NULL
      AND x.channel = :channel AND x.purpose <> ALL (:answers) AND x.day > :month_ago
    GROUP BY r.address_id, c.most_per_month HAVING sum(x.messages) >= c.most_per_month
"""

_CAP = """
    SELECT r.address_id, 'cap', max(x.last_at), NULL
    FROM {{recipient}} AS r JOIN exposure AS x ON x.address_id = r.address_id
    WHERE x.address_id BETWEEN :first_address AND :last_address
      AND x.channel = :channel AND {purpose} AND x.day > :cap_after_{number}
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
      bool_or(kind = 'cap'),
      bool_or(kind = 'topic')
    FROM ({parts}) AS known (address_id, kind, at, ref) GROUP BY address_id
"""


def put_marks(
    session: Session,
    names: Names,
    *,
    reach: Reach,
    question: Question,
    settings: RuleSettings,
    lists: tuple[RequiredVersion, ...],
    as_of: datetime,
) -> None:
    """Fill `mark`: one row for each recipient about whom anything is known besides the consent."""
    parts = [_ENTRIES, _ORDERS, _USES, _LISTINGS, _PAUSES, _OWN_WISH]
    # Blocked domains are rare, and looking for them means walking through the addresses.
    if session.scalar(text("SELECT EXISTS (SELECT 1 FROM suppression_entry WHERE domain_key IS NOT NULL)")):
        parts.append(_DOMAIN_ENTRIES)
    if question.topic is not None:
        parts.append(_TOPIC_OFF)
    parts += [_cap_part(number, cap) for number, cap in _caps(settings, question)]
    union = " UNION ALL ".join(part.format(recipient=names.recipient) for part in parts)
    pairs = [(found.version_id, country) for found in lists if found.version_id for country in found.concerned]
    session.execute(
        text(_MARK.format(mark=names.mark, parts=union)),
        {
            "channel": question.channel,
            "controller": question.controller_id,
            "purpose": question.purpose,
            "topic": question.topic,
            "answering": question.purpose in ANSWERS,
            "answers": list(ANSWERS),
            "as_of": as_of,
            "latest": as_of + CLOCKS_MAY_DIFFER,
            "customer_since": months_before(as_of, settings.customer_months),
            "lapsed_before": months_before(as_of, settings.lapsed_after_months),
            "month_ago": (as_of - MONTH).date(),
            "versions": [version for version, _country in pairs],
            "countries": [country for _version, country in pairs],
            **reach.ids,
            **_cap_values(settings, question, as_of.date()),
        },
    )
    analyse(session, names.mark, reach)


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
