"""`make mutations`: take away one safeguard at a time, and see that a test notices.

Tests that pass show something only when they would fail without what they are about. For each of six safeguards the
sources are copied, the safeguard is taken out of the copy, and the tests that should notice are run there. Ends with 1
unless all six are noticed; a safeguard that is not found in the sources any more is an error, not a pass.
"""

# ruff: noqa: T201 - it speaks to whoever started it

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "var", "__pycache__", "node_modules", "*.log")
SECONDS = 300


@dataclass(frozen=True)
class Mutation:
    """One safeguard: where it stands, what stands there, what is put in its place, and which tests should notice."""

    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]
    times: int = 1


UNIQUE = """        sa.UniqueConstraint(
            "run_id",
            "address_id",
            "step",
            "occurrence",
            "channel",
            name=op.f("uq_message_run_id_address_id_step_occurrence_channel"),
        ),
"""

MUTATIONS = (
    Mutation(
        name="the unique key of the ledger",
        file="app/migrations/versions/0006_delivery.py",
        text=UNIQUE,
        instead="",
        tests=("tests/delivery/test_last_lines.py",),
    ),
    Mutation(
        name="the token at the gate",
        file="delivery/claim.py",
        text="coalesce(m.token = :token AND m.state = 'claimed', false)",
        instead="coalesce(:token IS NOT NULL AND m.state = 'claimed', false)",
        tests=("tests/delivery/test_gate.py",),
    ),
    Mutation(
        name="FOR SHARE at the gate",
        file="delivery/gate.py",
        text="ORDER BY a.id FOR SHARE OF a",
        instead="ORDER BY a.id",
        tests=("tests/delivery/test_last_lines.py",),
    ),
    Mutation(
        name="the wait of an opt-out",
        file="preferences/unsubscribe.py",
        text="quiet = stored.is_quiet or wait_until_quiet(read.address_id)",
        instead="quiet = True",
        tests=("tests/preferences/test_unsubscribe.py",),
    ),
    Mutation(
        name="the difference between before and after the dot",
        file="delivery/smtp/conversation.py",
        text="return Unknown(Phase.DOT, None, why)",
        instead="return Deferred(Phase.DOT, None, why)",
        tests=("tests/faults/test_misbehaviour.py",),
    ),
    Mutation(
        name="the guard of outcomes",
        file="delivery/settle.py",
        text="WHERE m.id = o.id AND {STILL_HANDING_OVER}",
        instead="WHERE m.id = o.id AND :token IS NOT NULL",
        times=2,
        tests=("tests/delivery/test_tidy.py",),
    ),
)


class NotFound(Exception):
    """The safeguard does not stand where this file says that it does."""


def take_out(mutation: Mutation, root: Path) -> None:
    """Take the safeguard out of the copy. Raises NotFound."""
    path = root / mutation.file
    content = path.read_text()
    found = content.count(mutation.text)
    if found != mutation.times:
        raise NotFound(f"{mutation.name}: {mutation.file} has it {found} times, not {mutation.times}")
    path.write_text(content.replace(mutation.text, mutation.instead))


def failures(root: Path, tests: tuple[str, ...]) -> list[str]:
    """The tests that fail there. Raises when they could not be run at all."""
    words = ["-m", "pytest", *tests, "-q", "--no-header", "--tb=no", "-rfE"]
    done = subprocess.run(
        [sys.executable, *words], cwd=root, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, flags=re.MULTILINE)


def copied(folder: str) -> Path:
    root = Path(folder) / "crusoe"
    shutil.copytree(ROOT, root, ignore=LEFT_OUT)
    return root


def noticed(mutation: Mutation) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="crusoe-mutation-") as folder:
        Path(folder).chmod(0o755)
        root = copied(folder)
        take_out(mutation, root)
        return failures(root, mutation.tests)


def main() -> int:
    every = tuple(sorted({test for mutation in MUTATIONS for test in mutation.tests}))
    print("with all safeguards: ", end="", flush=True)
    if broken := failures(ROOT, every):
        print(f"these fail already, so nothing can be shown: {', '.join(broken)}")
        return 1
    print("all pass")
    missed = 0
    for mutation in MUTATIONS:
        found = noticed(mutation)
        missed += not found
        told = f"{found[0]}{f' and {len(found) - 1} more' if found[1:] else ''}" if found else "NOBODY NOTICED"
        print(f"without {mutation.name}: {told}", flush=True)
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
