"""Read YAML and remember on which line each value stands, so that a mistake can be shown where it was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import WrongInput
from core.sentences import say

LARGEST = 5 * 1024 * 1024

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """One file: its data, the line of each place in it, and the places whose text begins on the next line (`|`)."""

    path: Path
    data: dict[str, Any]
    lines: dict[Place, int]
    blocks: frozenset[Place]

    def where(self, place: Place) -> str:
        """`file:line` of the nearest known place."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}"


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice: one of the two would be lost without a word."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands here twice", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_folder(folder: Path) -> list[Source]:
    """All YAML files of a folder and its subfolders, in the order of their names."""
    if not folder.is_dir():
        raise WrongInput(
            "folder_missing",
            say("%(folder)s is no folder.", folder=folder),
            say("Name the folder that holds the YAML files."),
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml"})
    if not paths:
        raise WrongInput(
            "folder_empty",
            say("There is no YAML file in %(folder)s.", folder=folder),
            say("Name the folder that holds them."),
        )
    return [read(path) for path in paths if not path.name.endswith(".map.yaml")]


def read(path: Path) -> Source:
    """One file. A mistake in its syntax is told with its line."""
    if path.is_file() and path.stat().st_size > LARGEST:
        raise WrongInput(
            "file_large",
            say("%(path)s is larger than 5 MB.", path=path),
            say("Configuration is written by people; split it."),
        )
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WrongInput("encoding", say("%(path)s is not UTF-8.", path=path), say("Save it as UTF-8.")) from error
    except OSError as error:
        raise WrongInput(
            "file_unreadable", say("%(path)s cannot be read: %(why)s.", path=path, why=error.strerror)
        ) from error
    return parse(content, path=path)


def parse(content: str, *, path: Path) -> Source:
    """What somebody wrote as YAML; `path` is what a mistake is told with."""
    try:
        node = yaml.compose(content, Loader=_Loader)
        data = yaml.load(content, Loader=_Loader)  # noqa: S506 - a SafeLoader with one more check
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WrongInput(
            "yaml",
            say("This is no YAML: %(problem)s.", problem=error.problem),
            say("Look at this line and the one before."),
            f"{path}:{line}",
        ) from error
    if not isinstance(data, dict) or node is None:
        raise WrongInput("yaml_shape", say("A file holds sections like `segments:` at its top."), where=f"{path}:1")
    return Source(path=path, data=data, lines=dict(_lines(node, ())), blocks=frozenset(_blocks(node, ())))


def _lines(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*place, key.value), key.start_mark.line + 1
            for inner, line in _lines(value, (*place, key.value)):
                if inner != (*place, key.value):
                    yield inner, line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*place, index))


def _blocks(node: yaml.Node, place: Place) -> Iterator[Place]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _blocks(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _blocks(value, (*place, index))
    elif isinstance(node, yaml.ScalarNode) and node.style == "|":
        yield place
