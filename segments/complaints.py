"""What pydantic complains of in a definition, in sentences that can be said in another language."""

from typing import Any

from core.sentences import Sentence, say
from segments.definition import KINDS

# By pydantic's type of error; the places are what it knows about the limit.
_SENTENCES = {
    "greater_than": say("It must be more than %(gt)s.", gt="…"),
    "greater_than_equal": say("It must be at least %(ge)s.", ge="…"),
    "less_than": say("It must be less than %(lt)s.", lt="…"),
    "less_than_equal": say("It must be at most %(le)s.", le="…"),
    "string_too_short": say("It needs at least %(min_length)s characters.", min_length="…"),
    "string_too_long": say("It may have at most %(max_length)s characters.", max_length="…"),
    "too_short": say("It needs at least %(min_length)s entries.", min_length="…"),
    "too_long": say("It may have at most %(max_length)s entries.", max_length="…"),
    "int_type": say("It must be a whole number."),
    "int_parsing": say("It must be a whole number."),
    "int_from_float": say("It must be a whole number."),
    "bool_type": say("It must be true or false."),
    "bool_parsing": say("It must be true or false."),
    "string_type": say("It must be text."),
    "list_type": say("It must be a list."),
    "date_type": say("It must be a day like 2026-01-31."),
    "date_parsing": say("It must be a day like 2026-01-31."),
    "date_from_datetime_parsing": say("It must be a day like 2026-01-31."),
    "enum": say("It must be one of these: %(expected)s.", expected="…"),
    "literal_error": say("It must be one of these: %(expected)s.", expected="…"),
    "model_type": say("Here stands a mapping of names to values."),
    "model_attributes_type": say("Here stands a mapping of names to values."),
    "dict_type": say("Here stands a mapping of names to values."),
}


def complaint(problem: Any) -> str:
    """One error of pydantic as a sentence."""
    name = repr(str(problem["loc"][-1])[:60]) if problem["loc"] else ""
    match problem["type"]:
        case "union_tag_not_found":
            return say("A condition needs exactly one of the words %(words)s.", words=", ".join(KINDS))
        case "extra_forbidden":
            return say("%(name)s is not known here.", name=name)
        case "missing":
            return say("%(name)s is missing.", name=name)
        case "value_error":
            cause = problem["ctx"]["error"].args[0]
            return str(problem["ctx"]["error"]) if not isinstance(cause, Sentence) else cause
    known = _SENTENCES.get(problem["type"])
    if known is None:
        return say("This does not fit here: %(problem)s.", problem=problem["msg"])
    values = problem.get("ctx", {})
    return say(known.words, **{place: values[place] for place in known.values})
