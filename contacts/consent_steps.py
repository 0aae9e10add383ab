"""The steps of consents as they are kept: appended with their evidence, many under one seal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.consent_evidence import STEPS, Evidence, Keeping, facts, particulars
from contacts.consent_models import CHAIN, ConsentEvent
from contacts.proofs import NewProof, keep_proofs
from core.evidence import open_batch, seal


@dataclass(frozen=True)
class Step:
    """One event of a consent with its evidence; `about`: what else belongs to the evidence."""

    consent_id: int
    at: datetime
    evidence: Evidence
    about: dict[str, Any] = field(default_factory=dict)
    keeping: Keeping | None = None


def record_steps(session: Session, steps: Sequence[Step]) -> None:
    """Append events under one seal; the same step at the same moment is there already."""
    if not steps:
        return
    batch = open_batch(session)
    evidence = _evidence(session, steps)
    session.execute(
        insert(ConsentEvent)
        .values(
            [
                {
                    "batch_id": batch,
                    "consent_id": step.consent_id,
                    "step": STEPS[type(step.evidence)],
                    "at": step.at,
                    "recorded_at": func.now(),
                    "evidence": said,
                }
                for step, said in zip(steps, evidence, strict=True)
            ]
        )
        .on_conflict_do_nothing(index_elements=["consent_id", "step", "at"])
    )
    seal(session, chain=CHAIN, batch_id=batch)


def _evidence(session: Session, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What each step says; the part that says who it was is kept apart, and named by its digest."""
    proofs = [_proof(step) for step in steps]
    digests = iter(keep_proofs(session, [proof for proof in proofs if proof is not None]))
    return [
        {**step.about, **facts(step.evidence)} | ({} if proof is None else {"particulars": next(digests)})
        for step, proof in zip(steps, proofs, strict=True)
    ]


def _proof(step: Step) -> NewProof | None:
    personal = particulars(step.evidence)
    keeping = step.keeping or Keeping(subject=f"consent:{step.consent_id}")
    return None if personal is None else NewProof(personal, keeping.subject, keeping.until)
