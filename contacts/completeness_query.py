"""The same completeness for many consents at once, as SQL about the `consent` of the surrounding query.

Made from the table of `completeness`, so that the two cannot drift apart; a test asks both about the same consents. One
difference: whether a proof still fits its digest is seen only when it is opened.
"""

from typing import Any

from sqlalchemy import ColumnElement, literal_column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String, Text

from contacts.completeness import (
    OFFLINE,
    PROOFS,
    PROVENANCE,
    REQUIRED,
    REQUIRED_MIGRATED_OFFLINE,
    WITHDRAWAL,
    WORDING,
    ConsentKind,
    Required,
)
from contacts.consent_models import ConsentStep

# The steps on which the state rests; see `completeness.counting`.
_STEPS = """
    (SELECT) AS nothing
    LEFT JOIN LATERAL (
        SELECT e.at, e.evidence FROM consent_event AS e
        WHERE e.consent_id = consent.id AND e.step = 'confirmed' ORDER BY e.at DESC LIMIT 1) AS confirmed ON true
    LEFT JOIN LATERAL (
        SELECT e.evidence FROM consent_event AS e
        WHERE e.consent_id = consent.id AND e.step = 'requested'
          AND e.at <= coalesce(confirmed.at, consent.confirmed_at, 'infinity') ORDER BY e.at DESC LIMIT 1
    ) AS requested ON true
    LEFT JOIN LATERAL (
        SELECT e.evidence FROM consent_event AS e
        WHERE e.consent_id = consent.id AND e.step = 'mail_sent'
          AND e.at <= coalesce(confirmed.at, consent.confirmed_at, 'infinity') ORDER BY e.at DESC LIMIT 1
    ) AS mail_sent ON true
"""

_COUNTED = "coalesce(confirmed.evidence, requested.evidence)"
_IS_OFFLINE = f"consent.basis IN ({', '.join(repr(basis) for basis in sorted(OFFLINE))})"
_KIND = f"""
    CASE WHEN jsonb_exists({_COUNTED}, '{PROVENANCE}') THEN '{ConsentKind.MIGRATED}'
         WHEN jsonb_exists({_COUNTED}, 'renews') THEN '{ConsentKind.RENEWED}'
         WHEN {_IS_OFFLINE} THEN consent.basis ELSE '{ConsentKind.DOUBLE_OPT_IN}' END
"""

_WITHDRAWN = f"""
    SELECT jsonb_exists(e.evidence, '{WITHDRAWAL.fields[0]}') FROM consent_event AS e
    WHERE e.consent_id = consent.id AND e.step = '{ConsentStep.WITHDRAWN}' ORDER BY e.at DESC LIMIT 1
"""  # noqa: S608 - text of ours


def kind_column() -> ColumnElement[str]:
    """How the consent was given: a `ConsentKind`."""
    return literal_column(f"(SELECT {_KIND} FROM {_STEPS})", String())  # noqa: S608 - text of ours


def missing_column() -> ColumnElement[list[str]]:
    """The codes of what its evidence lacks; empty for one that nobody confirmed."""
    lacking = f"""
        CASE WHEN consent.confirmed_at IS NULL THEN '{{}}' ELSE (
            SELECT array_remove({_always()} || CASE {_by_kind()} END, NULL) FROM {_STEPS}
        ) END
    """  # noqa: S608 - text of ours
    codes: Any = ARRAY(Text())
    return literal_column(f"({lacking})", codes)


def _always() -> str:
    wording = "SELECT FROM consent_text AS t WHERE t.version = consent.text_version"
    return f"""
        ARRAY[CASE WHEN NOT EXISTS ({wording}) THEN '{WORDING}' END,
              CASE WHEN consent.withdrawn_at IS NOT NULL AND ({_WITHDRAWN}) IS NOT TRUE THEN '{WITHDRAWAL.code}' END]
    """


def _by_kind() -> str:
    migrated_offline = (
        f"WHEN {_KIND} = '{ConsentKind.MIGRATED}' AND {_IS_OFFLINE} THEN {_array(REQUIRED_MIGRATED_OFFLINE)}"
    )
    others = (f"WHEN {_KIND} = '{kind}' THEN {_array(asked)}" for kind, asked in REQUIRED.items())
    return " ".join((migrated_offline, *others))


def _array(asked: tuple[Required, ...]) -> str:
    parts = ", ".join(f"CASE WHEN ({_shows(one)}) IS NOT TRUE THEN '{one.code}' END" for one in asked)
    return f"CAST(ARRAY[{parts}] AS text[])"


def _shows(asked: Required) -> str:
    part = f"{asked.step}.evidence" + (f" -> '{asked.inside}'" if asked.inside else "")
    plain = ", ".join(f"'{name}'" for name in asked.fields if name not in PROOFS)
    ways = [f"jsonb_exists_any({part}, ARRAY[{plain}])"] if plain else []
    ways += [
        f"EXISTS (SELECT FROM proof AS p WHERE p.sha256 = decode({part} ->> '{name}', 'hex'))"
        for name in asked.fields
        if name in PROOFS
    ]
    return " OR ".join(ways)
