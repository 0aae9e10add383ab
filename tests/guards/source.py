"""The source as the guards read it: packages, files, imports."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: tuple[str, ...] = tuple(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


@dataclass(frozen=True)
class Import:
    """`importer` (a file) uses `module`; `names` are what it takes from it."""

    importer: Path
    line: int
    module: str
    names: tuple[str, ...]

    @property
    def place(self) -> str:
        return f"{self.importer.relative_to(ROOT)}:{self.line}"


def files(*packages: str) -> Iterator[Path]:
    """Every Python file of these packages, of all of them by default."""
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def imports(file: Path) -> Iterator[Import]:
    """What a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, name.name, ())
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield Import(file, node.lineno, node.module, tuple(name.name for name in node.names))


def is_module(dotted: str) -> bool:
    """Whether a dotted name is a file or a folder of ours."""
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()
