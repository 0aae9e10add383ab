"""F16: a thousand people press the button in one instant, while their mail is on its way or next in turn."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.faults.mix import get_ready, installed, launch, run_state, wait_until_over
from tests.faults.oracle import Accounts, compare, faults_of_chains, fired_twice, not_stored, read_ledger
from tests.faults.pressing import in_flight, press
from tests.faults.seed import SEED
from tests.faults.sinks import Moods
from tests.faults.telling import quantile
from tests.smtp_sink import Sink

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

STORM = int(os.environ.get("FAULT_STORM", "1000"))


def test_a_storm_of_objections_is_answered_and_holds(tell: Callable[[str], None]) -> None:
    dice = Random(SEED)
    moods = Moods(random=Random(dice.random()), pause=1.6)
    with (
        tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as folder,
        Sink(moods, keep_content=False) as sink,
    ):
        Path(folder).chmod(0o755)
        with installed(Path(folder), sink) as installation:
            # Of ten two get nothing, and while the machine is busy a thousand mails leave before.
            company = get_ready(Path(folder) / "company", people=STORM * 3)
            moods.pace = 0.06
            run_id = launch()
            while len(moods.ended) < STORM // 4:
                time.sleep(0.05)
            people, under_way = in_flight(run_id, many=STORM)
            pressed = press(installation, people, dice)
            still_sending = run_state(run_id) != "done"
            moods.pace = 0
            wait_until_over(run_id, seconds=240)
            found = compare(
                Accounts(
                    company=company,
                    deliveries=sink.deliveries,
                    ended=moods.ended,
                    opt_outs=pressed,
                    ledger=read_ledger(run_id),
                    ambiguous=moods.ambiguous,
                    early=moods.early,
                    not_stored=not_stored(pressed),
                    faults_of_chains=faults_of_chains(),
                    fired_twice=fired_twice(),
                )
            )
    took = [each.took for each in pressed]
    tell(f"{len(people)} pressed, {under_way} of them with a mail in a batch: {dict(found.states)}")
    tell(f"  {len(pressed)} answers, {sum(not each.final for each in pressed)} of them 202")
    tell("  " + ", ".join(f"p{part * 100:g} {quantile(took, part):.2f} s" for part in (0.1, 0.5, 0.9, 0.95, 0.99, 1)))
    assert found.sentences == []
    assert len(people) == STORM
    assert len(pressed) == STORM, "somebody got no answer"
    assert still_sending
