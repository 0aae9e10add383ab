"""The sections that are one document: the rule settings and the score rules."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from core.errors import WrongInput
from suppression import RuleSettings, activate, current


def validated(model: type[BaseModel], data: Any) -> dict[str, Any]:
    """The document as its stage understands it; the first mistake is told with its place."""
    try:
        return model.model_validate(data).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise WrongInput("document", f"{place}: {first['msg']}.", where=place) from error


def wanted_rules(data: Any, folder: Path) -> dict[str, Any]:
    """The rule settings, with the defaults filled in."""
    del folder
    return validated(RuleSettings, data)


def current_rules(session: Session, values: dict[str, Any]) -> dict[str, Any]:
    """The rule settings in force."""
    del values
    return current(session).settings.model_dump(mode="json")


def write_rules(session: Session, values: dict[str, Any], actor: str) -> None:
    """Put the rule settings into force as a new version."""
    activate(session, RuleSettings.model_validate(values), actor=actor)
