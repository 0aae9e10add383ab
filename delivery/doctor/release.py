"""What the doctor found, as far as it touches a release: for the check of a campaign, and at its launch."""

from sqlalchemy.orm import Session

from core.errors import NotAllowed
from core.sentences import joined, say
from delivery.doctor.findings import Effect
from delivery.doctor.store import counting_look
from delivery.models import Sender
from templates import Finding, Severity

_SEVERITY = {Effect.BLOCK: Severity.FAIL, Effect.WARN: Severity.WARN}


def sender_findings(session: Session, *, sender_id: int) -> list[Finding]:
    """Findings about a sender that warn or block, of the newest look that still counts."""
    look = counting_look(session, sender_id=sender_id)
    if look is None:
        return []
    return [
        Finding(finding.code, _SEVERITY[effect], finding.message, finding.remedy, finding.about)
        for finding, effect in look.findings
        if effect in _SEVERITY
    ]


def require_sound_sender(session: Session, *, sender_id: int) -> None:
    """Refuse a release when something about the sender blocks it. Raises NotAllowed."""
    blocking = [one for one in sender_findings(session, sender_id=sender_id) if one.severity is Severity.FAIL]
    if blocking:
        code = session.get_one(Sender, sender_id).code
        raise NotAllowed(
            "sender_unsound",
            joined([one.message for one in blocking[:5]], by=" "),
            say("Mend it and look again at the page of the sender %(code)s, where each remedy stands.", code=code),
            details={"findings": [one.code for one in blocking]},
        )
