"""What is known about some recipients besides the consent: objections, orders, last use, listings, pauses, caps.

Most recipients have no mark at all. Those who have get one row, however many things are known about them.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts.models import Channel
from suppression.gathering import CLOCKS_MAY_DIFFER, Asked, Names, Question, Reach, analyse
from suppression.rule_settings import Cap, RoleAccounts, RuleSettings
from suppression.rules import ANSWERS

# The month of a recipient's own wish for at most so many messages.
MONTH = timedelta(days=30)

# An absent channel, purpose or controller of an entry means all of them. One exception: who objects to all advertising
# still gets answers to what he does himself, so for those an opt-out counts only when it names the purpose.
_IN_SCOPE = """
    (e.channel IS NULL OR e.channel = :channel) AND (e.controller_id IS NULL OR e.controller_id = :controller)
    AND (e.purpose = :purpose OR (e.purpose IS NULL AND NOT (:answering AND e.cause = 'opted_out')))
    AND (e.until IS NULL OR e.until > :as_of) AND {known}
    AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id AND {lifted})
"""

# Now everything that is stored counts, whatever the clocks say. Of a moment of the past, what was on record by then.
_KNOWN_NOW = {"known": "true", "lifted": "true", "exposed": "true"}
_KNOWN_THEN = {
    "known": "e.recorded_at <= :known_by",
    "lifted": "l.at <= :known_by",
    "exposed": "x.last_at <= :known_by",
}

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

_SUBDOMAIN_ENTRIES = f"""
    SELECT r.address_id, e.cause, e.at, e.id
    FROM {{recipient}} AS r JOIN endpoint AS n ON n.id = r.endpoint_id
    JOIN suppression_entry AS e ON e.below IS NOT NULL AND EXISTS (
        SELECT 1 FROM unnest(e.below) AS domain
        WHERE right(lower(n.value), length(domain) + 1) = '.' || domain
    ) WHERE {_IN_SCOPE}
"""  # noqa: S608 - no text of a user in it

_COMPANY_ENTRIES = f"""
    SELECT r.address_id, e.cause, e.at, e.id
    FROM {{recipient}} AS r JOIN contact AS c ON c.id = r.contact_id
    JOIN suppression_entry AS e ON e.company_id = c.company_id WHERE {_IN_SCOPE}
"""  # noqa: S608 - no text of a user in it

# Each is looked for only where there are any: it means walking through all addresses or contacts.
_WIDE_ENTRIES = {"domain_key": _DOMAIN_ENTRIES, "below": _SUBDOMAIN_ENTRIES, "company_id": _COMPANY_ENTRIES}

_HAS_ANY = ", ".join(f"coalesce(bool_or({column} IS NOT NULL), false) AS {column}" for column in _WIDE_ENTRIES)
_WIDER = f"SELECT {_HAS_ANY} FROM suppression_entry WHERE address_id IS NULL"  # noqa: S608 - columns of ours

# Orders and the last use matter only where there is no fresh consent: it is the stronger basis by itself.
_ORDERS = """
    SELECT r.address_id, p.kind, p.ordered_at, p.id
    FROM {recipient} AS r JOIN purchase AS p ON p.contact_id = r.contact_id
    WHERE p.contact_id BETWEEN :first_contact AND :last_contact AND NOT r.fresh AND p.objection_notice_shown
      AND p.ordered_at BETWEEN CASE p.kind WHEN 'order' THEN :customer_since ELSE :inquired_since END AND :latest
      AND coalesce(p.controller_id, (SELECT min(id) FROM controller)) = :controller
"""

# Only one's own similar goods may be advertised to a customer.
_SIMILAR = _ORDERS + "AND p.category = ANY (:sold)"

_USES = """
    SELECT r.address_id, 'use', x.last_at, NULL
    FROM {recipient} AS r JOIN exposure AS x ON x.address_id = r.address_id
    WHERE x.address_id BETWEEN :first_address AND :last_address AND NOT r.fresh AND r.confirmed_at IS NOT NULL
      AND x.channel = :channel AND x.purpose = :purpose AND x.basis = 'consent'
      AND x.last_at BETWEEN :lapsed_before AND :latest
"""

_LISTINGS = """
    SELECT r.address_id, 'listing_' || v.takes, NULL, h.version_id
    FROM {recipient} AS r JOIN list_hit AS h ON h.address_id = r.address_id
      AND h.address_id BETWEEN :first_address AND :last_address
    JOIN unnest(CAST(:versions AS bigint[]), CAST(:countries AS text[]), CAST(:takes AS int[]))
      AS v (version_id, country, takes) ON v.version_id = h.version_id AND v.country = coalesce(r.country, '')
"""

# A registration ends the consents that are older than it. When it was made no list tells; at the latest, when the first
# version that names the person was published.
_ENDED_CONSENTS = """
    SELECT r.address_id, 'listing_3', NULL, max(h.version_id)
    FROM {recipient} AS r JOIN list_hit AS h ON h.address_id = r.address_id
      AND h.address_id BETWEEN :first_address AND :last_address
    JOIN list_version AS every_version ON every_version.id = h.version_id
    JOIN list_version AS v ON v.list_id = every_version.list_id
    JOIN unnest(CAST(:ending AS bigint[]), CAST(:ending_countries AS text[])) AS asked (version_id, country)
      ON asked.version_id = v.id AND asked.country = coalesce(r.country, '')
    WHERE r.confirmed_at IS NOT NULL
    GROUP BY r.address_id, r.confirmed_at, v.id
    HAVING bool_or(h.version_id = v.id) AND min(every_version.published_at) >= r.confirmed_at
"""

# A service says nothing about people whom it was not asked about, so nobody knows.
_UNASKED = """
    SELECT r.address_id, 'unasked', NULL, NULL
    FROM {recipient} AS r
    JOIN unnest(CAST(:services AS bigint[]), CAST(:service_countries AS text[])) AS v (version_id, country)
      ON v.country = coalesce(r.country, '')
    WHERE NOT EXISTS (SELECT 1 FROM list_asked AS a WHERE a.version_id = v.version_id AND a.address_id = r.address_id)
"""

_ROLE_ACCOUNTS = """
    SELECT r.address_id, 'role', NULL, NULL
    FROM {recipient} AS r JOIN endpoint AS e ON e.id = r.endpoint_id WHERE e.role_account AND NOT r.fresh
"""

# A consent to calls counts with what proves it: a recording, or the scan of a letter.
_UNPROVEN = """
    SELECT r.address_id, 'unproven', NULL, NULL
    FROM {recipient} AS r WHERE r.confirmed_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM consent_event AS s WHERE s.consent_id = r.consent_id AND s.step = 'confirmed'
          AND s.at = r.confirmed_at AND jsonb_exists(s.evidence, 'evidence_ref'))
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
      AND x.channel = :channel AND x.purpose <> ALL (:answers) AND x.day > :month_ago AND {exposed}
    GROUP BY r.address_id, c.most_per_month HAVING sum(x.messages) >= c.most_per_month
"""

_CAP = """
    SELECT r.address_id, 'cap', max(x.last_at), NULL
    FROM {{recipient}} AS r JOIN exposure AS x ON x.address_id = r.address_id
    WHERE x.address_id BETWEEN :first_address AND :last_address
      AND x.channel = :channel AND {purpose} AND {country} AND x.day > :cap_after_{number} AND {{exposed}}
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
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind IN ('deceased', 'restricted', 'minor', 'case_open')))[1],
      bool_or(kind = 'deceased'),
      bool_or(kind = 'restricted'),
      bool_or(kind = 'minor'),
      bool_or(kind = 'case_open'),
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'order'))[1],
      max(at) FILTER (WHERE kind = 'order'),
      (array_agg(ref ORDER BY at DESC) FILTER (WHERE kind = 'inquiry'))[1],
      max(at) FILTER (WHERE kind = 'inquiry'),
      max(at) FILTER (WHERE kind = 'use'),
      coalesce(min(ref) FILTER (WHERE kind = 'listing_3'), min(ref) FILTER (WHERE kind = 'listing_2'),
        min(ref) FILTER (WHERE kind = 'listing_1')),
      max(CASE kind WHEN 'listing_1' THEN 1 WHEN 'listing_2' THEN 2 WHEN 'listing_3' THEN 3 END),
      bool_or(kind = 'unasked'),
      bool_or(kind = 'pause'),
      bool_or(kind = 'cap'),
      bool_or(kind = 'topic'),
      bool_or(kind = 'role'),
      bool_or(kind = 'unproven')
    FROM ({parts}) AS known (address_id, kind, at, ref) GROUP BY address_id
"""


def put_marks(session: Session, names: Names, *, reach: Reach, asked: Asked) -> None:
    """Fill `mark`: one row for each recipient about whom anything is known besides the consent."""
    known = _KNOWN_NOW if asked.known_by is None else _KNOWN_THEN
    question, settings = asked.question, asked.settings
    parts = _parts(session, asked)
    union = " UNION ALL ".join(part.format(recipient=names.recipient, **known) for part in parts)
    session.execute(
        text(_MARK.format(mark=names.mark, parts=union)),
        {
            "channel": question.channel,
            "controller": question.controller_id,
            "purpose": question.purpose,
            "topic": question.topic,
            "answering": question.purpose in ANSWERS,
            "answers": list(ANSWERS),
            "sold": list(settings.sold_for(question.topic) or ()),
            **_lists(asked),
            **_moments(asked),
            **asked.known,
            **reach.ids,
            **_cap_values(settings, question, asked.as_of.date()),
        },
    )
    analyse(session, names.mark, reach)


def _moments(asked: Asked) -> dict[str, date]:
    """The edges of the periods. The widest of all policies: which one holds for whom is weighed afterwards."""
    customers = [line.customer_since for line in asked.lines if line.customer_since]
    inquiries = [line.inquired_since for line in asked.lines if line.inquired_since]
    return {
        "as_of": asked.as_of,
        "latest": asked.as_of + CLOCKS_MAY_DIFFER,
        "customer_since": min(customers, default=asked.as_of),
        # Where no law takes inquiries for orders, none lies in the period.
        "inquired_since": min(inquiries, default=asked.as_of + CLOCKS_MAY_DIFFER + CLOCKS_MAY_DIFFER),
        "lapsed_before": min(line.lapsed_before for line in asked.lines),
        "month_ago": (asked.as_of - MONTH).date(),
    }


def _lists(asked: Asked) -> dict[str, list[Any]]:
    """The versions that are asked with the countries they are asked for, as arrays side by side."""
    pairs = [(found, country) for found in asked.lists if found.version_id for country in found.concerned]
    ending = [pair for pair in pairs if pair[0].ends_consents]
    services = [pair for pair in pairs if pair[0].is_asked]
    return {
        "versions": [found.version_id for found, _country in pairs],
        "countries": [country for _found, country in pairs],
        "takes": [int(found.takes) for found, _country in pairs],
        "ending": [found.version_id for found, _country in ending],
        "ending_countries": [country for _found, country in ending],
        "services": [found.version_id for found, _country in services],
        "service_countries": [country for _found, country in services],
    }


def _parts(session: Session, asked: Asked) -> list[str]:
    question, settings = asked.question, asked.settings
    orders = _ORDERS if settings.sold_for(question.topic) is None else _SIMILAR
    parts = [_ENTRIES, orders, _USES, _LISTINGS, _PAUSES, _OWN_WISH]
    if any(found.ends_consents for found in asked.lists):
        parts.append(_ENDED_CONSENTS)
    if any(found.is_asked for found in asked.lists):
        parts.append(_UNASKED)
    wider = session.execute(text(_WIDER)).one()
    parts += [part for column, part in _WIDE_ENTRIES.items() if getattr(wider, column)]
    if settings.role_accounts is RoleAccounts.HOLD:
        parts.append(_ROLE_ACCOUNTS)
    if question.channel == Channel.PHONE:
        parts.append(_UNPROVEN)
    if question.topic is not None:
        parts.append(_TOPIC_OFF)
    return parts + [_cap_part(number, cap) for number, cap in _caps(settings, question)]


def _caps(settings: RuleSettings, question: Question) -> list[tuple[int, Cap]]:
    return [
        (number, cap)
        for number, cap in enumerate(settings.caps)
        if cap.concerns(channel=question.channel, purpose=question.purpose)
    ]


def _cap_part(number: int, cap: Cap) -> str:
    purpose = "x.purpose <> ALL (:answers)" if cap.purpose is None else "x.purpose = :purpose"
    country = f"r.country = ANY (:cap_countries_{number})" if cap.countries else "true"
    return _CAP.format(purpose=purpose, country=country, number=number)


def _cap_values(settings: RuleSettings, question: Question, today: date) -> dict[str, object]:
    values: dict[str, object] = {}
    for number, cap in _caps(settings, question):
        values[f"cap_messages_{number}"] = cap.messages
        values[f"cap_countries_{number}"] = list(cap.countries)
        values[f"cap_after_{number}"] = today - timedelta(days=cap.days)
    return values
