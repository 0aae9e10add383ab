"""Whose consent will soon be too old: what a check says beforehand, while they can still be asked to stay."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts.consent_models import Consent
from suppression.assessment import Assessment, assess
from suppression.facts import Basis
from suppression.rule_sets import current
from suppression.rule_settings import months_before
from suppression.rules import CONSENT_LAPSED, CONSENT_STALE

SOON = timedelta(days=60)


def soon_stale(session: Session, assessment: Assessment, *, within: timedelta = SOON) -> int:
    """How many of those who may be written to on their consent now may not so long from now, if nothing happens.

    Everybody whose consent is younger than the shortest clock of all countries is left out before the gate is asked.
    """
    later = assessment.as_of + within
    rules = current(session)
    clocks = [rules.settings.stale_after_months, rules.settings.lapsed_after_months]
    for row in rules.settings.policies:
        clocks += [months for months in (row.stale_after_months, row.lapsed_after_months) if months is not None]
    rows = assessment.rows
    aging = (
        select(rows.c.contact_id, rows.c.endpoint_id, rows.c.address_id)
        .join(Consent, Consent.id == rows.c.consent_id)
        .where(
            rows.c.verdict == "send",
            rows.c.basis == Basis.CONSENT.value,
            Consent.confirmed_at <= months_before(later, min(clocks)),
        )
    )
    if not session.scalar(select(func.count()).select_from(aging.limit(1).subquery())):
        return 0
    then = assess(session, audience=aging, question=assessment.question, as_of=later)
    too_old = {CONSENT_STALE.code, CONSENT_LAPSED.code}
    return sum(people for decision, people in then.situations if too_old & set(decision.reasons))
