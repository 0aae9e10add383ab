"""The layout keeps to its own rules."""

import re

from tests.guards.source import PACKAGES, PROJECT, ROOT, files

LONGEST_FILE = 400

# Folders of Python that are no part of the product.
BESIDE = {"tests", "bench"}

# Names that say nothing; a file is called after the noun that it is about.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "lib", "tools", "shared"}


def test_every_top_level_package_is_named_in_the_project():
    found = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists()} - BESIDE
    assert found == set(PACKAGES)
    assert found == set(PROJECT["tool"]["mypy"]["packages"])
    assert found == set(PROJECT["tool"]["importlinter"]["root_packages"])


def test_no_python_file_lies_in_the_root():
    assert list(ROOT.glob("*.py")) == []


def test_every_folder_of_code_is_a_package():
    bare = {
        str(file.parent.relative_to(ROOT))
        for file in files()
        if not (file.parent / "__init__.py").exists() and file.parent.name != "versions"
    }
    assert bare == set()


def test_names_say_what_a_file_is_about():
    assert [str(file.relative_to(ROOT)) for file in files() if file.stem in EMPTY_NAMES] == []
    assert [str(file.relative_to(ROOT)) for file in files() if file.parent.name in EMPTY_NAMES] == []


def test_no_file_has_grown_into_two():
    everything = [*files(), *files(*BESIDE)]
    long = {str(f.relative_to(ROOT)): n for f in everything if (n := len(f.read_text().splitlines())) > LONGEST_FILE}
    assert long == {}


def test_the_locked_packages_name_no_registry():
    for name in ("runtime", "dev"):
        locked = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert "://" not in locked
        assert "--hash=sha256:" in locked


def test_every_wanted_package_is_locked():
    def plain(wanted: str) -> str:
        return re.split(r"[\[<>=!~; ]", wanted)[0].lower().replace("_", "-")

    runtime = (ROOT / "requirements" / "runtime.txt").read_text()
    dev = (ROOT / "requirements" / "dev.txt").read_text()
    groups = PROJECT["dependency-groups"]
    assert [w for w in PROJECT["project"]["dependencies"] if f"\n{plain(w)}==" not in f"\n{runtime}"] == []
    assert [w for w in [*groups["test"], *groups["lint"]] if f"\n{plain(w)}==" not in f"\n{dev}"] == []
    # What is tested is what runs.
    pins = re.compile(r"^(\S+==\S+)", re.MULTILINE)
    assert set(pins.findall(runtime)) <= set(pins.findall(dev))


def test_the_launcher_can_be_started():
    launcher = ROOT / "crusoe"
    assert launcher.stat().st_mode & 0o111
    compile(launcher.read_text(), "crusoe", "exec")
