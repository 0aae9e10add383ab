"""The fields that a company keeps about its contacts: declared once, with a type, checked at every import."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.models import FieldDefinition, FieldType
from core.errors import WrongInput
from core.sentences import say

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}").fullmatch

# These are columns of every contact; a field of the same name would have two meanings in a segment.
TAKEN = frozenset(
    {"id", "number", "email", "first_name", "last_name", "language", "country", "kind", "company", "source", "fields"}
)


@dataclass(frozen=True)
class CustomField:
    """A declared field. `choices` are the allowed values of a choice, empty for other types."""

    name: str
    label: str
    type: FieldType
    choices: tuple[str, ...] = ()


def define(
    session: Session,
    *,
    name: str,
    label: str,
    type: FieldType | str,  # noqa: A002 - the word of the YAML files, where no other would do
    choices: Sequence[str] | None = None,
) -> bool:
    """Declare a field, or change its label or choices. Answers whether anything changed; its type stays for good."""
    wanted = _checked(name=name, label=label, kind=type, choices=choices)
    known = {field.name: field for field in definitions(session)}.get(name)
    if known == wanted:
        return False
    if known is not None and known.type is not wanted.type:
        raise WrongInput(
            "field_type_fixed",
            say(
                "Field %(name)s holds %(type)s values and cannot become %(wanted)s.",
                name=repr(name),
                type=known.type,
                wanted=wanted.type,
            ),
            say("Declare a field with another name."),
        )
    values = {"label": wanted.label, "choices": list(wanted.choices) or null()}
    statement = insert(FieldDefinition).values(name=name, type=wanted.type, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    return True


def _checked(*, name: str, label: str, kind: FieldType | str, choices: Sequence[str] | None) -> CustomField:
    if not NAME(name):
        raise WrongInput(
            "field_name",
            say("%(name)s is no field name.", name=repr(name)),
            say("Use small letters, digits and _, up to 63."),
        )
    if name in TAKEN:
        raise WrongInput(
            "field_name_taken",
            say("%(name)s is a column of every contact.", name=repr(name)),
            say("Take another name."),
        )
    if kind not in set(FieldType):
        known = ", ".join(FieldType)
        raise WrongInput(
            "field_type", say("%(kind)s is no field type.", kind=repr(kind)), say("There are %(known)s.", known=known)
        )
    kind = FieldType(kind)
    if (kind is FieldType.CHOICE) is not bool(choices):
        raise WrongInput(
            "field_choices", say("Field %(name)s: a choice needs choices, and nothing else has them.", name=repr(name))
        )
    return CustomField(name=name, label=label or name, type=kind, choices=tuple(choices or ()))


def definitions(session: Session) -> list[CustomField]:
    """All declared fields by name."""
    rows = session.execute(
        select(FieldDefinition.name, FieldDefinition.label, FieldDefinition.type, FieldDefinition.choices).order_by(
            FieldDefinition.name
        )
    )
    return [CustomField(row.name, row.label, row.type, tuple(row.choices or ())) for row in rows]
