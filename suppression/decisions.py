"""Decisions as evidence: stored for every message, sent or not, sealed, never changed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, insert, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SelectBase

from core.evidence import open_batch
from core.evidence import seal as seal_batch
from suppression.assessment import Assessment
from suppression.models import CHAIN, DecisionContext, Stage, StoredDecision

_EVIDENCE = ("verdict", "reasons", "basis", "consent_id", "purchase_id", "entry_id", "list_version_id")


@dataclass(frozen=True)
class Recorded:
    """The decisions of one batch. `rows` selects decision_id, message_id, verdict, basis, code of each."""

    batch_id: int
    decisions: int

    @property
    def rows(self) -> Select[Any]:
        """What to write onto the messages, in the same transaction."""
        return select(
            StoredDecision.id.label("decision_id"),
            StoredDecision.message_id,
            StoredDecision.verdict,
            StoredDecision.basis,
            StoredDecision.reasons[1].label("code"),
        ).where(StoredDecision.batch_id == self.batch_id)


def record_decisions(
    session: Session, assessment: Assessment, *, stage: Stage, messages: SelectBase, sealed: bool = True
) -> Recorded:
    """Store the decision about each of `messages`, a SELECT of message_id and address_id, with what it rests on.

    PostgreSQL must be able to tell how many messages these are: rows that were just inserted are best noted in a
    temporary table and analysed, since of the ledger it knows only what stood there some time ago.

    Plan: call it in the transaction that inserted the messages; chunks of up to about 100,000, because a batch is
    digested as a whole. Gate: `sealed=False`, update the messages from `Recorded.rows`, then call `seal_decisions`
    last, since sealing makes every other writer of decisions wait until the commit. A message whose address the
    assessment does not have gets no decision, and so cannot be sent.
    """
    batch = open_batch(session)
    session.execute(
        insert(DecisionContext).values(
            batch_id=batch,
            stage=stage,
            channel=assessment.question.channel,
            purpose=assessment.question.purpose,
            topic=assessment.question.topic,
            controller_id=assessment.question.controller_id,
            rules_version=assessment.rules_version,
            list_versions=assessment.list_versions,
        )
    )
    about, found = messages.subquery("about"), assessment.rows
    stored = session.execute(
        insert(StoredDecision).from_select(
            ["batch_id", "message_id", "address_id", *_EVIDENCE],
            select(
                literal(batch, BigInteger),
                about.c.message_id,
                about.c.address_id,
                *(found.c[name] for name in _EVIDENCE),
            ).select_from(about.join(found, found.c.address_id == about.c.address_id)),
        ),
        execution_options={"preserve_rowcount": True},
    )
    recorded = Recorded(batch_id=batch, decisions=stored.rowcount)  # type: ignore[attr-defined]
    if sealed:
        seal_decisions(session, recorded)
    return recorded


def seal_decisions(session: Session, recorded: Recorded) -> None:
    """Close the batch: from here on a change of one of its rows is found. The last thing a transaction does."""
    seal_batch(session, chain=CHAIN, batch_id=recorded.batch_id)
