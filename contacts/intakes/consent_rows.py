"""The statements that turn a staged chunk of a consent log into consents and their sealed events."""

import json

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts.consent_models import CHAIN
from contacts.importing import Origin, Outcome
from core.evidence import open_batch, seal
from core.keys import keys

STAGED = {
    "line": "int",
    "key": "bytea",
    "domain_key": "bytea",
    "controller": "text",
    "channel": "text",
    "purpose": "text",
    "basis": "text",
    "text_version": "text",
    "requested_at": "timestamptz",
    "request_ip": "text",
    "confirmed_at": "timestamptz",
    "confirm_ip": "text",
    "source": "text",
    "evidence_ref": "text",
    "old_system": "text",
    "attested_by": "text",
}

# What a full record has and a log of this shape has not; it is written into the evidence so that nobody overlooks it.
MISSING = (
    "text_sha256",
    "privacy_notice_version",
    "form_version",
    "form_sha256",
    "control_state",
    "user_agent",
    "token_hash",
    "mail_sha256",
    "smtp_response",
    "landing_viewed",
    "page_version",
)

# Somebody else may add the same address meanwhile; the order keeps two of us from blocking each other.
ADDRESSES = """
INSERT INTO address (key, domain_key, key_id)
SELECT DISTINCT ON (i.key) i.key, i.domain_key, CAST(:key_id AS smallint) FROM incoming i
WHERE NOT EXISTS (SELECT FROM address a WHERE a.key = i.key) ORDER BY i.key
ON CONFLICT (key) DO NOTHING
"""

# The best row of a consent has its latest confirmation, or else its latest request.
MATCH = """
CREATE TEMP TABLE matched ON COMMIT DROP AS
SELECT i.*, a.id AS address_id, k.id AS controller_id, k.name AS controller_name, c.id AS consent_id,
       row_number() OVER (said ORDER BY i.confirmed_at DESC NULLS LAST, i.requested_at DESC, i.line) = 1 AS is_best,
       row_number() OVER (said ORDER BY i.line) = 1 AS is_first
FROM incoming i
JOIN address a ON a.key = i.key
JOIN controller k ON k.code = i.controller
LEFT JOIN consent c ON c.address_id = a.id AND c.controller_id = k.id AND c.channel = i.channel
                   AND c.purpose = i.purpose
WINDOW said AS (PARTITION BY a.id, k.id, i.channel, i.purpose)
"""

INSERT = """
INSERT INTO consent (address_id, controller_id, channel, purpose, basis, text_version, requested_at, confirmed_at)
SELECT address_id, controller_id, channel, purpose, basis, text_version, requested_at, confirmed_at
FROM matched WHERE is_best AND consent_id IS NULL
"""

UPDATE = """
UPDATE consent AS c
SET basis = m.basis, text_version = m.text_version, requested_at = m.requested_at, confirmed_at = m.confirmed_at,
    withdrawn_at = CASE WHEN c.withdrawn_at >= m.confirmed_at OR m.confirmed_at IS NULL THEN c.withdrawn_at END
FROM matched AS m
WHERE m.is_best AND c.id = m.consent_id
  AND (m.confirmed_at > c.confirmed_at
       OR c.confirmed_at IS NULL AND (m.confirmed_at IS NOT NULL OR m.requested_at > c.requested_at))
RETURNING m.line
"""

EVENTS = """
INSERT INTO consent_event (batch_id, consent_id, step, at, evidence)
SELECT :batch, c.id, s.step, s.at, jsonb_strip_nulls(jsonb_build_object(
           'controller_id', m.controller_id, 'controller_name', m.controller_name, 'channel', m.channel,
           'purpose', m.purpose, 'basis', m.basis, 'text_version', m.text_version, 'ip', s.ip, 'source', m.source,
           'evidence_ref', s.evidence_ref,
           'import', CAST(:origin AS jsonb) || jsonb_build_object(
               'line', m.line, 'old_system', m.old_system, 'attested_by', m.attested_by)))
FROM matched m
JOIN consent c ON c.address_id = m.address_id AND c.controller_id = m.controller_id AND c.channel = m.channel
              AND c.purpose = m.purpose
CROSS JOIN LATERAL (
    VALUES (CAST('requested' AS consent_step), m.requested_at, m.request_ip, NULL),
           (CAST('confirmed' AS consent_step), m.confirmed_at, m.confirm_ip, m.evidence_ref)
) AS s (step, at, ip, evidence_ref)
WHERE s.at IS NOT NULL
ORDER BY m.line, s.step
ON CONFLICT (consent_id, step, at) DO NOTHING
RETURNING CAST(evidence -> 'import' -> 'line' AS int)
"""


def store(session: Session, *, origin: Origin, rehearsal: bool) -> Outcome:
    """Store what is staged in `incoming`. A rehearsal seals nothing: the chain stays free for others."""
    session.execute(text(ADDRESSES), {"key_id": keys().key_id})
    session.execute(text("DROP TABLE IF EXISTS pg_temp.matched"))
    session.execute(text(MATCH))
    session.execute(text(INSERT))
    changed = set(session.scalars(text(UPDATE)))
    batch = open_batch(session)
    provenance = {"file": origin.name, "sha256": origin.sha256, "missing": MISSING}
    changed |= set(session.scalars(text(EVENTS), {"batch": batch, "origin": json.dumps(provenance)}))
    outcome = Outcome()
    for line, created in session.execute(text("SELECT line, is_first AND consent_id IS NULL FROM matched")):
        outcome.created += created
        outcome.updated += not created and line in changed
        outcome.unchanged += not created and line not in changed
    if not rehearsal:
        seal(session, chain=CHAIN, batch_id=batch)
    return outcome
