"""What pydantic found wrong, in sentences that say what may stand there instead."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel


def sentence(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    """One finding about an item as a sentence."""
    place = ".".join(map(str, problem["loc"]))
    match problem["type"]:
        case "extra_forbidden" if len(problem["loc"]) == 1:
            return f"There is no key {place!r}. {_instead(place, list(model.model_fields))}"
        case "missing":
            return f"`{place}` is missing."
        case "enum" | "literal_error":
            return f"{place}: {problem['input']!r} is not possible; there are {problem['ctx']['expected']}."
        case "string_pattern_mismatch":
            return f"{place}: {problem['input']!r} does not have the form {problem['ctx']['pattern']}."
    return f"{place}: {problem['msg']}."


def _instead(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
