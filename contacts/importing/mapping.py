"""Which column means what: by its name, or by a mapping file in YAML.

The file has one line per column, `column: field`. Columns that it does not name are ignored. A line `"=Old CRM": field`
says the same of every row.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml

from contacts.importing.intake import Field, Layout
from core.errors import WrongInput
from core.sentences import say

# Begins what stands for no column but for itself.
CONSTANT = "="


def layout(header: Sequence[str], fields: Sequence[Field], *, mapping: Path | None, where: str) -> Layout:
    """The layout of a file with this header. A required field without a column is `WrongInput`."""
    found = _by_mapping(header, fields, mapping) if mapping else Layout(tuple(header), _by_name(header, fields))
    missing = [field.name for field in fields if field.required and field.name not in found.positions]
    if missing:
        raise WrongInput(
            "column_missing",
            say(
                "No column for %(missing)s; there are %(known)s.",
                missing=", ".join(missing),
                known=", ".join(filter(None, header)),
            ),
            say("Rename a column, or say with --map FILE which one it is (column: field)."),
            where=str(mapping) if mapping else where,
        )
    return found


def _by_name(header: Sequence[str], fields: Sequence[Field]) -> dict[str, int]:
    """Fields by their own name, else by the first alias that the header has."""
    places = {name.casefold(): index for index, name in reversed(list(enumerate(header)))}
    found = {
        field.name: next((places[name] for name in (field.name, *field.aliases) if name in places), None)
        for field in fields
    }
    return {name: index for name, index in found.items() if index is not None}


def _by_mapping(header: Sequence[str], fields: Sequence[Field], mapping: Path) -> Layout:
    known = {field.name for field in fields}
    positions: dict[str, int] = {}
    constants: list[str] = []
    for (column, field), line in _read(mapping).items():
        where = f"{mapping}:{line}"
        if not column.startswith(CONSTANT):
            _require_column(column, header, where=where)
        _require_field(field, known, taken=positions, where=where)
        if column.startswith(CONSTANT):
            positions[field] = len(header) + len(constants)
            constants.append(column.removeprefix(CONSTANT).strip())
        else:
            positions[field] = header.index(column)
    return Layout(tuple(header), positions, tuple(constants))


def _require_column(column: str, header: Sequence[str], *, where: str) -> None:
    if column not in header:
        raise WrongInput(
            "column_unknown",
            say(
                "The file has no column %(name)s; it has %(known)s.",
                name=repr(column),
                known=", ".join(filter(None, header)),
            ),
            where=where,
        )


def _require_field(field: str, known: Collection[str], *, taken: Collection[str], where: str) -> None:
    if field not in known:
        raise WrongInput(
            "field_unknown",
            say(
                "There is no field %(name)s; there are %(known)s.",
                name=repr(field),
                known=", ".join(sorted(known)),
            ),
            say("Declare a field of your own first: crusoe apply."),
            where=where,
        )
    if field in taken:
        raise WrongInput(
            "field_twice",
            say("Two columns are mapped to %(name)s.", name=repr(field)),
            say("Remove one."),
            where=where,
        )


def _read(mapping: Path) -> Mapping[tuple[str, str], int]:
    """(column, field) -> line of the mapping file."""
    try:
        node = yaml.compose(mapping.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise WrongInput(
            "mapping_missing", say("It cannot be read: %(why)s.", why=error.strerror), where=str(mapping)
        ) from error
    except UnicodeDecodeError as error:
        raise WrongInput("mapping_encoding", say("The mapping file is not UTF-8."), where=str(mapping)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{mapping}:{mark.line + 1}" if mark else str(mapping)
        problem = getattr(error, "problem", None) or say("it cannot be read")
        raise WrongInput("mapping_yaml", say("This is no YAML: %(problem)s.", problem=problem), where=where) from error
    if not isinstance(node, yaml.MappingNode):
        raise WrongInput("mapping_shape", say("A mapping has lines `column: field`."), where=str(mapping))
    found: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not (isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)):
            raise WrongInput("mapping_shape", say("A mapping has lines `column: field`."), where=f"{mapping}:{line}")
        found[key.value, value.value] = line
    return found
