"""What is different between two versions of the rules, line by line, for people who have to agree to it. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from suppression.policy import PolicyRow
from suppression.rule_settings import RuleSettings

# What of a row says which one it is; a row with other words for the same people and the same start is a changed row.
_NAME = ("country", "channels", "kinds", "valid_from")


@dataclass(frozen=True)
class RuleChange:
    """One difference. `name`: the setting, or the people a row of law is about; absent values: there is none."""

    name: str
    before: str | None
    after: str | None


def differences(before: RuleSettings, after: RuleSettings) -> list[RuleChange]:
    """Every setting and every row of law that is not the same, in the order of the settings."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    changed = [
        RuleChange(name, _words(old[name]), _words(new[name]))
        for name in RuleSettings.model_fields
        if name != "policies" and old[name] != new[name]
    ]
    return changed + list(_rows(before.policies, after.policies))


def _rows(before: tuple[PolicyRow, ...], after: tuple[PolicyRow, ...]) -> Iterator[RuleChange]:
    old, new = {_name(row): _content(row) for row in before}, {_name(row): _content(row) for row in after}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield RuleChange(name, old.get(name), new.get(name))


def _name(row: PolicyRow) -> str:
    who = f"{'+'.join(row.channels)} {'+'.join(row.kinds)}"
    return f"{row.country} {who} from {row.valid_from.isoformat()}"


def _content(row: PolicyRow) -> str:
    said = row.model_dump(mode="json", exclude=set(_NAME), exclude_defaults=True)
    return ", ".join(f"{name}: {_words(value)}" for name, value in said.items())


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
