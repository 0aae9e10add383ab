"""Everything goes wrong at once while mail is sent and people object: no promise is broken."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.mix import Size, play
from tests.faults.seed import SEED
from tests.faults.telling import as_text, keep

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

PEOPLE = int(os.environ.get("FAULT_PEOPLE", "2500"))
SECONDS = float(os.environ.get("FAULT_SECONDS", "75"))


def test_the_whole_mix_breaks_no_promise(tell: Callable[[str], None]) -> None:
    size = Size(people=PEOPLE, seconds=SECONDS, pace=0.15, seed=SEED, often=(1.0, 4.0))
    with tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        played = play(Path(folder), size)
        kept = None if played.is_fine else keep(played, Path(folder) / "home")
    tell(as_text(played))
    if kept is not None:
        tell(f"kept for you to look at: {kept}")
    assert played.findings.sentences == []
    assert played.raged.faults == []
    assert played.raged.still_sending, "the run was over before the troubles were: give it more people"
    assert [each.name for each in played.raged.troubles if not each.done] == []
    assert len(played.accounts.opt_outs) >= size.storm
    assert played.numbers["in_flight"] == 0
    assert played.numbers["unknown"] == played.findings.states["unknown"]
    assert played.numbers["audience"] == sum(played.findings.states.values())
