"""The background work of this stage."""

from core.tasks import job
from lead_handover import rescoring
from lead_handover.outbox import JOB as POST
from lead_handover.posting import post_due
from lead_handover.service import escalate_overdue, fade, score_due


@job(rescoring.JOB, every=10, alone=True)
def score() -> bool:
    """Rescore people about whom something new is known."""
    return score_due().more


@job("lead_handover.fade", every=600, alone=True)
def fade_scores() -> bool:
    """Let points fade once a day."""
    fade()
    return False


@job("lead_handover.escalate", every=60, alone=True)
def escalate() -> bool:
    """Notice answers that are overdue."""
    return escalate_overdue()


@job(POST, every=5)
def post() -> bool:
    """Post what is due in the outbox."""
    return post_due()
