"""Which messages went out under something that later proved wrong: a list, a rule, words, a template, or at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import WrongInput
from core.sentences import say

# What can be asked about, and the condition on the decision that let a message pass, its context, its consent, and the
# campaign. A campaign sends the version of its template that was approved last.
SIGNS = {
    "list_version": (
        "EXISTS (SELECT 1 FROM jsonb_each_text(c.list_versions) AS l WHERE l.value = CAST(:list_version AS text))"
    ),
    "rules": "c.rules_version = CAST(:rules AS bigint)",
    "text": "k.text_version = CAST(:text AS text)",
    "template": """(t.code = CAST(:template AS text) AND (CAST(:version AS text) IS NULL OR CAST(:version AS text) = (
        SELECT p.bound -> 'content' ->> 'version' FROM approval AS p
        WHERE p.campaign_id = g.id AND p.action = 'approve' ORDER BY p.id DESC LIMIT 1)))""",
}
SPAN = {"since": "{moment} >= :since", "until": "{moment} < :until"}

# A message whose fate is unknown counts: it may have arrived.
_MESSAGES = """
    SELECT m.id AS message, m.address_id, m.contact_id, m.handed_over_at AS at, r.id AS run_id, r.name AS run,
           g.code AS campaign, g.state, m.channel
    FROM message AS m JOIN decision AS d ON d.id = m.decision_id AND d.verdict = 'send'
    JOIN decision_context AS c ON c.batch_id = d.batch_id
    JOIN run AS r ON r.id = m.run_id
    LEFT JOIN campaign AS g ON g.run_id = r.id
    LEFT JOIN template AS t ON t.id = g.template_id
    LEFT JOIN consent AS k ON k.id = d.consent_id
    WHERE m.state IN ('sent', 'unknown', 'resolved_sent') AND {where}
"""

# People in a file for another channel were let pass by the same gate; what became of them the other side knows.
_FILES = """
    SELECT NULL AS message, d.address_id, NULL AS contact_id, x.made_at AS at, -x.id AS run_id, x.code AS run,
           g.code AS campaign, g.state, x.channel
    FROM channel_export AS x JOIN decision AS d ON d.batch_id = x.decision_batch_id AND d.verdict = 'send'
    JOIN decision_context AS c ON c.batch_id = d.batch_id
    JOIN campaign AS g ON g.id = x.campaign_id
    LEFT JOIN template AS t ON t.id = g.template_id
    LEFT JOIN consent AS k ON k.id = d.consent_id
    WHERE {where}
"""

_COUNT = """
    SELECT run, campaign, state, channel, count(*) AS messages, count(DISTINCT address_id) AS addresses,
           min(at) AS first_at, max(at) AS last_at
    FROM ({messages} UNION ALL {files}) AS found GROUP BY run_id, run, campaign, state, channel ORDER BY first_at
"""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """What is asked: everything that is given must be so of a message. `template` is a code, or `code:version`."""

    list_version: str | None = None
    rules: str | None = None
    text: str | None = None
    template: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What was given, by name, with the template split in two. Numbers that are none are `WrongInput`."""
        found = {name: value for name, value in vars(self).items() if value}
        for name in ("list_version", "rules"):
            _require_number(found.get(name, "0"))
        if self.template:
            code, _, version = self.template.partition(":")
            _require_number(version or "0")
            found |= {"template": code.strip(), "version": version or None}
        return found

    def where(self, *, moment: str) -> str:
        """The condition; `moment` is when the thing went out."""
        given = [SIGNS[name] for name in SIGNS if name in self.values]
        given += [SPAN[name].format(moment=moment) for name in SPAN if name in self.values]
        if not given:
            raise WrongInput(
                "incident_unclear",
                say("Say what proved wrong: a list, rules, words, a template, or a time."),
            )
        return " AND ".join(given)


def _require_number(value: str) -> None:
    if not (value.isascii() and value.isdigit() and len(value) <= len("999999999999")):
        raise WrongInput("version_invalid", say("A version is a number, not %(value)s.", value=repr(value[:60])))


def incident(session: Session, asked: Incident) -> list[dict[str, Any]]:
    """For each campaign and channel how much went out under it, to how many people, from when to when. One query.

    A file for a call centre, a print shop or a gateway stands under its number, with the people in it.
    """
    statement = _COUNT.format(
        messages=_MESSAGES.format(where=asked.where(moment="m.handed_over_at")),
        files=_FILES.format(where=asked.where(moment="x.made_at")),
    )
    return [dict(row) for row in session.execute(text(statement), asked.values).mappings()]


def messages(session: Session, asked: Incident) -> Iterator[tuple[Any, ...]]:
    """Each message that went out under it: message, campaign, contact, address, moment. Ids only, in their order."""
    found = _MESSAGES.format(where=asked.where(moment="m.handed_over_at"))
    statement = f"SELECT message, run, contact_id, address_id, at FROM ({found}) AS found ORDER BY message"  # noqa: S608 - no text of a user in it
    for row in session.execute(text(statement).execution_options(yield_per=1000), asked.values):
        yield tuple(row)


COLUMNS = ("message", "campaign", "contact_id", "address_id", "handed_over_at")
