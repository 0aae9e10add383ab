"""The rule settings, the score rules, privacy notices, and who hears about leads."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import privacy_notice
from core import clock
from core.errors import WrongInput
from core.sentences import say
from core.users import User
from lead_handover import activate as activate_score
from lead_handover import in_force, read, save_sales_person, save_webhook_target
from lead_handover.models import SalesPerson, WebhookTarget
from preferences.models import SignupForm
from suppression import SYSTEM, RuleSettings, activate, current, propose, version, versions

Values = dict[str, Any]


def validated(model: type[BaseModel], data: Any) -> Values:
    """The document as its stage understands it; the first mistake is told with its place."""
    try:
        return model.model_validate(data).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise WrongInput(
            "document", say("%(place)s: %(problem)s.", place=place, problem=first["msg"]), where=place
        ) from error


def current_privacy_notice(session: Session, values: Values) -> Values | None:
    """The notice of this version and language; another wording is refused when it is written."""
    found = privacy_notice(session, version=values["version"], locale=values["locale"])
    if found is None or found.locale != values["locale"]:
        return None
    return {"version": found.version, "locale": found.locale, "text": found.content}


def require_topic(session: Session, topic: str | None) -> None:
    """A topic that no form offers is a slip of the pen: nobody could ever have switched it off."""
    offered = {one for topics in session.scalars(select(SignupForm.topics)) for one in topics}
    if topic is not None and topic not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise WrongInput(
            "topic_unknown",
            say("No form offers the topic %(topic)s; there are: %(known)s.", topic=repr(topic), known=known),
            where="topic",
        )


def wanted_rules(data: Any, folder: Path) -> Values:
    """The rule settings, with the defaults filled in."""
    del folder
    return validated(RuleSettings, data)


def current_rules(session: Session, values: Values) -> Values:
    """The newest rule settings, in force or proposed: what was proposed already is no change."""
    del values
    current(session)
    return version(session, versions(session)[0].version).settings.model_dump(mode="json")


def write_rules(session: Session, values: Values, actor: str) -> None:
    """Propose the rule settings. While nobody has decided about any, they are put into force at once."""
    settings = RuleSettings.model_validate(values)
    if any(one.activated_by not in {None, SYSTEM} for one in versions(session)):
        propose(session, settings, actor=actor, note="crusoe apply")
    else:
        activate(session, settings, actor=actor)


def wanted_score(data: Any, folder: Path) -> Values:
    """The score rules, with the defaults filled in."""
    del folder
    return read(data).model_dump(mode="json")


def current_score(session: Session, values: Values) -> Values | None:
    """The score rules in force, or None while there are none."""
    del values
    found = in_force(session)
    return found.rules.model_dump(mode="json") if found else None


def write_score(session: Session, values: Values, actor: str) -> None:
    """Put the score rules into force; everybody is scored anew."""
    activate_score(session, read(values), actor=actor, now=clock.now())


def current_sales(session: Session, values: Values) -> Values | None:
    """Which leads this user takes."""
    territory = session.scalar(
        select(SalesPerson.territory)
        .join(User, User.id == SalesPerson.user_id)
        .where(User.email == values["user"], SalesPerson.active)
    )
    return None if territory is None else {"user": values["user"], "territory": territory}


def write_sales(session: Session, values: Values, actor: str) -> None:
    """Let a user take leads."""
    save_sales_person(session, **values, actor=actor)


def current_webhook(session: Session, values: Values) -> Values | None:
    """Where a webhook goes now."""
    target = session.scalar(select(WebhookTarget).where(WebhookTarget.name == values["name"], WebhookTarget.active))
    return None if target is None else {key: getattr(target, key) for key in ("name", "url", "loopback", "events")}


def write_webhook(session: Session, values: Values, actor: str) -> None:
    """Write down where leads are told."""
    save_webhook_target(session, **values, actor=actor)
