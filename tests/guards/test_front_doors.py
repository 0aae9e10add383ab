"""A stage is used through its front door: its `__init__`, or its tables and states for reading."""

from importlib import import_module
from inspect import ismodule

import pytest

from tests.guards.source import PACKAGES, ROOT, Import, files, imports, is_module

STAGES = tuple(package for package in PACKAGES if package not in {"app", "core"})

# What may be imported past the front door, from any stage: tables and the names of states, for reading joins.
OPEN = {"models", "consent_models", "states"}

# What each of these doors is for.
SIDE_DOORS = {
    # The streaming importer, used by suppression for opt-outs; it is too heavy for a front door.
    "contacts.importing",
    # `crusoe import` is one group of commands: suppression adds `optouts` to it.
    "contacts.cli",
    # The kinds of files behind it, which the page for imports chooses from.
    "contacts.intakes",
    # The WSGI layer for opens and clicks, put in front of the pages by `app`.
    "tracking.hits",
}

# `app` assembles: it registers what these hold and calls nothing in them.
ASSEMBLED = ("views", "tasks", "cli", "forms", "wsgi")


def behind_the_door(found: Import) -> list[str]:
    """The modules that an import reaches inside a stage: both `from a import b` and `import a.b`."""
    stage, _, inside = found.module.partition(".")
    if inside:
        return [inside]
    door = import_module(stage)
    # A verb may be called like the module that it comes from; then the door hands out the verb.
    return [name for name in found.names if is_module(f"{stage}.{name}") and ismodule(getattr(door, name, door))]


def is_allowed(package: str, stage: str, inside: str) -> bool:
    first = inside.partition(".")[0]
    if first in OPEN or f"{stage}.{first}" in SIDE_DOORS:
        return True
    return package == "app" and any(first.endswith(kind) for kind in ASSEMBLED)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_stage_is_used_through_its_front_door(package):
    past_it = [
        f"{found.place} imports {found.module} ({inside})"
        for file in files(package)
        for found in imports(file)
        if (stage := found.module.partition(".")[0]) in STAGES and stage != package
        for inside in behind_the_door(found)
        if not is_allowed(package, stage, inside)
    ]
    assert not past_it, "use the stage's __init__, or add the verb to it:\n" + "\n".join(past_it)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_front_door_says_what_it_is_for(package):
    words = (ROOT / package / "__init__.py").read_text()
    assert words.startswith('"""')
    assert len(words.split('"""')[1].split()) > 3
