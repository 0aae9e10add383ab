"""All kinds of data with their terms: those of the stages, and what is kept for good."""

from importlib import import_module

from core.retention import KINDS, Kind, register
from core.sentences import say

for _stage in ("contacts", "tracking", "delivery", "preferences", "lead_handover"):
    import_module(f"{_stage}.retention")

BLOCKS = register(
    Kind(
        code="blocks",
        title=say("Objections and blocks"),
        why=say("Until the person confirms anew or two people lift them; a keyed hash only (Art. 21(3) GDPR)."),
        days=None,
    )
)
EVIDENCE = register(
    Kind(
        code="evidence",
        title=say("Decisions, steps of consents, approvals and the audit log"),
        why=say("No job removes them: they are sealed, and name people by number only (Art. 5(2), 17(3)(e) GDPR)."),
        days=None,
    )
)

__all__ = ["KINDS"]
