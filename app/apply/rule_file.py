"""Rules as somebody writes them: YAML with what is to be different, read against the rules in force."""

from typing import Any

import yaml
from pydantic import ValidationError

from app.apply.mistakes import sentence
from app.apply.source import Source
from core.errors import WrongInput
from core.sentences import say
from suppression import RuleSettings


def changed(source: Source, *, base: RuleSettings) -> RuleSettings:
    """The settings of `base` with what the file says instead.

    A key that is not in the file stays as it is. `policies` replaces all rows of the countries that it names; the rows
    of other countries stay. Every mistake is told with its line.
    """
    data = base.model_dump(mode="json") | source.data
    if isinstance(source.data.get("policies"), list):
        data["policies"] = _policies(source.data["policies"], base)
    try:
        return RuleSettings.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [f"{source.where(tuple(one['loc']))}: {sentence(one, RuleSettings)}" for one in found]
        raise WrongInput(
            "rules_invalid",
            say("These rules cannot be read; mistakes: %(count)s.", count=len(lines)),
            say("Correct them and try again."),
            where=source.where(tuple(found[0]["loc"])),
            details={"lines": lines},
        ) from error


def _policies(rows: list[Any], base: RuleSettings) -> list[Any]:
    """The rows of the file first, so that a mistake keeps the place that it has there."""
    named = {row.get("country") for row in rows if isinstance(row, dict)}
    return rows + [row.model_dump(mode="json") for row in base.policies if row.country not in named]


def as_yaml(settings: RuleSettings) -> str:
    """The settings but for the rows of law, as a form starts with."""
    return yaml.safe_dump(settings.model_dump(mode="json", exclude={"policies"}), sort_keys=False, allow_unicode=True)
