"""From what people did to a lead that sales accepted.

In come the events of the ledger, score rules as data, and the answers of sales. Out go scores that explain themselves
line by line, leads with a clock, and messages about them to other systems, at least once and signed. The rules served:
a score is a pure function and can be rebuilt; one open lead a person; nobody who objected is handed over; a score
advises, and a person decides (Art. 22 GDPR).
"""

from lead_handover.held import forget_leads, leads_held, score_held
from lead_handover.inbox import accept, open_leads, reject
from lead_handover.outbox import retry, tell, undelivered
from lead_handover.rescoring import RulesInForce, activate, in_force
from lead_handover.rules import RejectReason, ScoreRules, read
from lead_handover.scoring import Hit, Line, Score, score
from lead_handover.sellers import save_sales_person, save_webhook_target
from lead_handover.service import rebuild, score_due
from preferences import also_held

also_held("score", score_held)
also_held("leads", leads_held)

__all__ = [
    "Hit",
    "Line",
    "RejectReason",
    "RulesInForce",
    "Score",
    "ScoreRules",
    "accept",
    "activate",
    "forget_leads",
    "in_force",
    "leads_held",
    "open_leads",
    "read",
    "rebuild",
    "reject",
    "retry",
    "save_sales_person",
    "save_webhook_target",
    "score",
    "score_due",
    "score_held",
    "tell",
    "undelivered",
]
