"""Segments: whom do we mean.

In comes a definition as data (YAML or JSON, never SQL): groups of conditions on fields, consents, purchases, what was
received, opened and clicked, and other segments. Out goes one parameterised SELECT of contact ids, which is asked anew
each time. Who may be written to is not decided here: that is `suppression`.
"""

from segments.compiler import compile  # noqa: A004 - the field's word
from segments.definition import Definition
from segments.evaluation import holds, require_local
from segments.fields import Fields
from segments.reading import parse, parse_yaml, write_yaml
from segments.service import (
    Line,
    Size,
    all_definitions,
    audience,
    check,
    count,
    definition_of,
    digest,
    explain,
    get,
    known_fields,
    members,
    sample,
    save,
    with_referred,
)

__all__ = [
    "Definition",
    "Fields",
    "Line",
    "Size",
    "all_definitions",
    "audience",
    "check",
    "compile",
    "count",
    "definition_of",
    "digest",
    "explain",
    "get",
    "holds",
    "known_fields",
    "members",
    "parse",
    "parse_yaml",
    "require_local",
    "sample",
    "save",
    "with_referred",
    "write_yaml",
]
