"""From what people wrote to a checked `Definition`, or to an error that names the place."""

from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from core.errors import WrongInput
from core.sentences import say
from segments.complaints import complaint
from segments.definition import Definition, Node, below, kind_of
from segments.facts import Part

DEEPEST = 8
MOST_NODES = 200
# A definition at the limits, with long lists of values, stays well below this.
LARGEST_TEXT = 1_000_000
MOST_PLACES = 100_000


class TooLarge(WrongInput):
    """A definition beyond the limits that keep every query answerable."""

    status = 413


_node: TypeAdapter[Part] = TypeAdapter(Node)


def parse(data: Any, *, where: str = "") -> Definition:
    """The definition that `data` (from YAML or JSON) stands for.

    Raises WrongInput; its `where` is the path inside the definition, after the prefix given here.
    """
    _within_limits(data, where=where)
    try:
        return Definition(root=_node.validate_python(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = _path(first["loc"], data)
        raise WrongInput("segment_invalid", complaint(first), where=_joined(where, path)) from error


def parse_yaml(text: str) -> Definition:
    """The definition in a YAML text; errors name the line as well."""
    if len(text) > LARGEST_TEXT:
        raise TooLarge("segment_too_large", say("The text is longer than any sensible definition."))
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data, lines = _Plain().read(root)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = say("line %(line)s", line=mark.line + 1) if mark else ""
        raise WrongInput("yaml_invalid", say("This is no YAML that can be read."), where=where) from error
    try:
        return parse(data)
    except WrongInput as error:
        error.where = _with_line(error.where, lines)
        raise


def write_yaml(definition: Definition) -> str:
    """A definition as people read it."""
    return yaml.safe_dump(definition.data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def _within_limits(data: Any, *, where: str) -> None:
    """Count before anything recurses into it, with a list of our own instead of the call stack."""
    nodes, waiting = 0, [(data, 1)]
    while waiting:
        item, depth = waiting.pop()
        nodes += 1
        if depth > DEEPEST or nodes > MOST_NODES:
            raise TooLarge(
                "segment_too_large",
                say(
                    "A definition may have %(most)s conditions and groups, nested %(deepest)s deep.",
                    most=MOST_NODES,
                    deepest=DEEPEST,
                ),
                say("Put parts of it into segments of their own and refer to them."),
                where=where,
            )
        if isinstance(item, dict):
            for kind in ("all", "any"):
                members = item.get(kind)
                waiting += [(member, depth + 1) for member in members] if isinstance(members, list) else []
            if "not" in item:
                waiting.append((item["not"], depth + 1))


def _path(location: tuple[int | str, ...], data: Any) -> str:
    """Pydantic's location without the names of union branches, written as `all[2].field`."""
    path, at_node = "", True
    steps = list(location)
    while steps:
        step = steps.pop(0)
        if at_node and step == kind_of(data):
            at_node = False
        elif isinstance(step, int):
            path, at_node = f"{path}[{step}]", path.endswith(("all", "any"))
            data = data[step] if isinstance(data, list) and step < len(data) else None
        elif isinstance(data, dict) and step in data:
            path, at_node, data = below(path, step), step == "not", data[step]
        # Anything else is the name of a type that pydantic tried, not a place in what was written.
    return path


def _joined(prefix: str, path: str) -> str:
    return below(prefix, path) if path else prefix


def _with_line(path: str, lines: dict[str, int]) -> str:
    nearest = path
    while nearest not in lines and nearest:
        nearest = nearest.rpartition("[" if nearest.endswith("]") else ".")[0]
    line = lines.get(nearest)
    if not line:
        return path
    return say("line %(line)s, %(path)s", line=line, path=path) if path else say("line %(line)s", line=line)


class _Plain:
    """YAML nodes to plain values with the line of each path; refuses repeated keys, aliases and odd keys."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.scalars = yaml.SafeLoader("")

    def read(self, root: yaml.Node | None) -> tuple[Any, dict[str, int]]:
        return (None if root is None else self._value(root, "", seen=frozenset())), self.lines

    def _value(self, node: yaml.Node, path: str, *, seen: frozenset[int]) -> Any:
        if id(node) in seen:
            raise self._wrong(node, path, say("A definition cannot contain itself."))
        self.lines[path] = node.start_mark.line + 1
        # Aliases can multiply a short text; the number of places is what must stay small.
        if len(self.lines) > MOST_PLACES:
            raise TooLarge("segment_too_large", say("The definition is larger than any sensible one."))
        seen |= {id(node)}
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, seen=seen)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, f"{path}[{at}]", seen=seen) for at, item in enumerate(node.value)]
        try:
            return self.scalars.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            raise self._wrong(node, path, say("This value cannot be read.")) from error

    def _mapping(self, node: yaml.MappingNode, path: str, *, seen: frozenset[int]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key, path, say("A key must be a word."))
            if key.value in content:
                raise self._wrong(key, path, say("The key %(key)s stands here twice.", key=repr(key.value[:60])))
            content[key.value] = self._value(value, below(path, key.value), seen=seen)
        return content

    def _wrong(self, node: yaml.Node, path: str, message: str) -> WrongInput:
        return WrongInput("segment_invalid", message, where=_with_line(path, {path: node.start_mark.line + 1}))
