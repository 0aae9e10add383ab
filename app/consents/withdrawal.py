"""A consent that is taken back by letter, in a call or in person: noted by whoever hears it, and in force at once.

Taking back has to be as easy as giving (Art. 7(3) GDPR). The objection is what stops the mail; the step of the consent
says how and by which proof the person said it.
"""

from sqlalchemy.orm import Session

from contacts import Withdrawn, withdraw_consent
from contacts.consent_models import Consent
from core import audit, clock
from core.errors import WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression import Cause, add

WAYS = ("letter", "telephone", "answer", "in_person")
LONGEST = 500


def take_back(session: Session, consent: Consent, *, how: str, proof: str, actor: Actor) -> None:
    """Note that the person took a consent back. `how` is one of `WAYS`; `proof` names a letter or a file number."""
    actor.require(Permission.IMPORT_CONTACTS)
    if how not in WAYS:
        raise WrongInput("way_unknown", say("Say how the person told you."), where="how")
    if len(proof) > LONGEST:
        raise WrongInput("too_long", say("At most %(most)s characters.", most=LONGEST), where="proof")
    at = clock.now()
    add(
        session,
        address_id=consent.address_id,
        cause=Cause.OPTED_OUT,
        at=at,
        source=f"user:{actor.email}",
        evidence={"how": how, "reason": proof} if proof else {"how": how},
        channel=consent.channel.value,
        purpose=consent.purpose,
        controller_id=consent.controller_id,
    )
    evidence = Withdrawn(through=how, evidence_ref=proof or "audit:consent.withdraw")
    withdraw_consent(
        session,
        address_id=consent.address_id,
        at=at,
        evidence=evidence,
        controller_id=consent.controller_id,
        channel=consent.channel,
        purpose=consent.purpose,
    )
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="consent.withdraw",
        object_type="consent",
        object_id=consent.reference,
        how=how,
    )
