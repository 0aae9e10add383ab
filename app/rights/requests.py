"""What a person asks for besides seeing and erasing: correction, restriction, and the objection to profiling."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.rights.disclosures import disclosures
from app.rights.subject import DataSubject
from contacts import as_written, choose, rectify
from core import audit, clock
from core.errors import NotFound, WrongInput
from core.sentences import say
from suppression import note_decided, restrict


def rectify_person(
    session: Session, who: DataSubject, *, changes: Mapping[str, str | None], actor: str
) -> dict[str, Any]:
    """Put data right (Art. 16 GDPR); answers the names of the fields, and who has had them and must be told."""
    if who.contact_id is None:
        raise NotFound("contact_unknown", say("There is no person with this address any more."))
    done = rectify(session, who.contact_id, changes=changes, actor=actor)
    return {"rectified": done, "to_tell": disclosures(session, who)}


def restrict_person(session: Session, who: DataSubject, *, actor: str, reason: str) -> dict[str, Any]:
    """Keep the data and use them no more (Art. 18 GDPR), under every address of the person.

    It ends as every entry of the list does: two people lift it.
    """
    if not reason.strip():
        raise WrongInput("reason_needed", say("Data are restricted for a reason only."), where="reason")
    new = restrict(session, address_ids=list(who.address_ids), source=f"user:{actor}", reason=reason.strip())
    _note(session, who, action="person.restrict", actor=actor, reason=reason.strip())
    return {"address_ids": list(who.address_ids), "newly_restricted": new, "to_tell": disclosures(session, who)}


def object_to_profiling(
    session: Session, who: DataSubject, *, actor: str, reason: str | None = None, objects: bool = True
) -> dict[str, Any]:
    """Score the person no more and choose nobody by what was read (Art. 21(2) GDPR); the score goes at once."""
    for address_id in who.address_ids:
        now = clock.now()
        chosen = choose(session, address_id, profiling=not objects)
        note_decided(session, address_id=address_id, decided=as_written(chosen), at=now)
    action = "person.object_to_profiling" if objects else "person.allow_profiling"
    _note(session, who, action=action, actor=actor, reason=reason)
    return {"address_ids": list(who.address_ids), "profiling": not objects}


def _note(session: Session, who: DataSubject, *, action: str, actor: str, reason: str | None) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="address",
        object_id=who.address_id,
        reason=reason,
        contact_id=who.contact_id,
    )
