"""No test puts something else in the place of our own code: what it shows, it shows of what people use.

Settings of the code, written in capitals, and the standard library (a resolver, a clock) may be set otherwise.
"""

import ast
import sys
from collections.abc import Iterator, Sequence

import pytest

from tests.guards.source import PACKAGES, ROOT, files, imports, is_module

MOCKS = ("unittest.mock", "mock", "pytest_mock")
# The ways in which pytest's `monkeypatch` replaces what others call, and Python's own.
REPLACING = ("setattr", "delattr", "setitem", "delitem")


def replaced(source: str) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of everything, settings apart, that this test file replaces."""
    tree = ast.parse(source)
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        by_patch = [_full(target, known) for target in _patched(node)]
        by_assignment = [_full(target, known) for target in _assigned(node) if _is_ours(target, known)]
        for dotted in by_patch + by_assignment:
            if not dotted.rpartition(".")[2].isupper() and not _leads_out(dotted):
                yield node.lineno, dotted


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Every name that an import gives, with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                top = name.name.partition(".")[0]
                yield (name.asname, name.name) if name.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield name.asname or name.name, f"{node.module}.{name.name}"


def _full(dotted: str, known: dict[str, str]) -> str:
    root, dot, rest = dotted.partition(".")
    return known.get(root, root) + dot + rest


def _patched(node: ast.AST) -> Iterator[str]:
    """What a call such as `monkeypatch.setattr` replaces, whatever its first argument is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REPLACING:
        yield _first_two(node.args)


def _assigned(node: ast.AST) -> Iterator[str]:
    """The attributes that a statement sets, or the one that Python's own `setattr` does."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REPLACING:
        yield _first_two(node.args)
    yield from (ast.unparse(each) for each in targets if isinstance(each, ast.Attribute))


def _first_two(arguments: Sequence[ast.expr]) -> str:
    target, *more = arguments
    if isinstance(target, ast.Constant):
        return str(target.value)
    name = more[0].value if more and isinstance(more[0], ast.Constant) else "?"
    return f"{ast.unparse(target)}.{name}"


def _is_ours(dotted: str, known: dict[str, str]) -> bool:
    """Something imported from our packages, or what an object keeps for itself."""
    root, _, name = dotted.rpartition(".")
    imported = known.get(dotted.partition(".")[0], "").partition(".")[0] in PACKAGES
    return imported or (name.startswith("_") and root != "self")


def _leads_out(dotted: str) -> bool:
    """Into the standard library, perhaps through a module of ours: `core.egress.socket.getaddrinfo`."""
    parts = dotted.split(".")[:-1]
    return any(
        part in sys.stdlib_module_names and not is_module(".".join(parts[: place + 1]))
        for place, part in enumerate(parts)
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from delivery import quoted\ndef f(m):\n m.setattr(quoted, 'phrase', str)", "delivery.quoted.phrase"),
        ("import delivery.quoted as q\ndef f(m):\n m.setattr(q, 'phrase', str)", "delivery.quoted.phrase"),
        ("def f(m):\n m.setattr('delivery.quoted.phrase', str)", "delivery.quoted.phrase"),
        ("from tracking import hits\nhits.SPOOL.append = print", "tracking.hits.SPOOL.append"),
        ("from tracking.hits import SPOOL\nsetattr(SPOOL, 'append', print)", "tracking.hits.SPOOL.append"),
        ("from tracking.hits import SPOOL\ndef f(m):\n m.delattr(SPOOL, 'append')", "tracking.hits.SPOOL.append"),
        ("def f(m):\n late = worker()\n m.setattr(late, '_halt', str)", "late._halt"),
        ("late = worker()\nlate._halt = str", "late._halt"),
        ("from core import db\ndef f(m, n):\n m.setattr(db, n, str)", "core.db.?"),
        ("from delivery import worker\ndef f(m):\n m.setattr(worker, 'SECONDS', 1)", None),
        ("service = serve()\nservice.mood = [500]", None),
        ("import socket\ndef f(m):\n m.setattr(socket, 'getaddrinfo', str)", None),
        ("from core import db\ndef f(m):\n m.setattr(db.socket, 'getaddrinfo', str)", None),
    ],
)
def test_the_rule_tells_our_code_from_settings_and_from_the_standard_library(source: str, found: str | None) -> None:
    assert [name for _, name in replaced(source)] == ([found] if found else [])


def test_no_test_replaces_code_of_ours() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files("tests")
        for line, name in replaced(file.read_text())
    ]
    assert not found, "show the same by a real lock, a real limit, another process or an argument: see tests/rivals.py"


def test_no_test_takes_a_mock_from_a_library() -> None:
    taken = [
        f"{found.place}: {found.module}"
        for file in files("tests")
        for found in imports(file)
        if found.module in MOCKS or (found.module == "unittest" and "mock" in found.names)
    ]
    assert not taken
