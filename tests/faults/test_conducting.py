"""F19: somebody pauses, resumes and edits a campaign fifty times while it is sent, and cancels it in the end."""

import email
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from email.policy import default
from pathlib import Path
from random import Random

import pytest

from app.demo.commands import run
from campaigns import conductor
from campaigns.service import lock
from core import users
from core.db import transaction
from core.errors import CrusoeError
from tests.faults.company import CONFIGURATION
from tests.faults.mix import get_ready, installed, launch, wait_until_over
from tests.faults.oracle import Accounts, compare, faults_of_chains, fired_twice, read_ledger
from tests.faults.seed import SEED
from tests.smtp_sink import Sink, on, say

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

PEOPLE = int(os.environ.get("FAULT_PEOPLE", "2000"))
ACTIONS = int(os.environ.get("FAULT_ACTIONS", "50"))


def conduct(verb: str) -> None:
    with transaction() as session:
        campaign, actor = lock(session, "letter"), users.operator()
        if verb == "pause":
            conductor.pause(session, campaign=campaign, actor=actor, reason="a fault test")
        elif verb == "resume":
            conductor.resume(session, campaign=campaign, actor=actor)
        else:
            conductor.cancel(session, campaign=campaign, actor=actor, reason="a fault test")


def edit(folder: Path, number: int) -> None:
    """Other words in the template; a campaign that is being sent cannot be changed itself."""
    words = CONFIGURATION.replace("News of the company", f"Edition {number}").replace("Hello, there is", f"E{number}:")
    (folder / "company.yaml").write_text(words)
    run("apply", str(folder), quietly=True)


def rename(folder: Path, number: int) -> None:
    """Another name for the campaign."""
    words = CONFIGURATION.replace("name: Letter, segment", f"name: Letter {number}, segment")
    (folder / "company.yaml").write_text(words)
    run("apply", str(folder), quietly=True)


EDITS = {"edit": edit, "rename": rename}


def act(folder: Path, dice: Random) -> Counter[str]:
    """So many actions at random moments; those that do not fit are refused, and counted as such."""
    done: Counter[str] = Counter()
    for number in range(ACTIONS):
        time.sleep(dice.uniform(0.05, 0.5))
        verb = dice.choice(("pause", "resume", "resume", "edit", "rename"))
        try:
            if verb in EDITS:
                EDITS[verb](folder, number)
            else:
                conduct(verb)
        except CrusoeError:
            verb += " refused"
        done[verb] += 1
    return done


def test_fifty_decisions_about_a_campaign_write_to_nobody_twice_and_change_no_word(
    tell: Callable[[str], None],
) -> None:
    dice = Random(SEED)
    with (
        tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as name,
        Sink(on("DOT", say(250, after=0.4))) as sink,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with installed(folder, sink):
            company = get_ready(folder / "company", people=PEOPLE)
            run_id = launch()
            while len(sink.taken) < 50:
                time.sleep(0.05)
            done = act(folder / "company", dice)
            conduct("cancel")
            # What was on its way arrives, and is the last that does.
            wait_until_over(run_id, seconds=30)
            time.sleep(2)
            ledger, taken = read_ledger(run_id), sink.taken
            found = compare(
                Accounts(
                    company=company,
                    deliveries=taken,
                    ended=[(each.recipient, each.at) for each in taken],
                    opt_outs=[],
                    ledger=ledger,
                    ambiguous=0,
                    faults_of_chains=faults_of_chains(),
                    fired_twice=fired_twice(),
                )
            )
    mails = [email.message_from_bytes(each.content, policy=default) for each in taken]
    words = {(mail["Subject"], mail.get_body(("plain",)).get_content().split(" <")[0].strip()[:16]) for mail in mails}
    tell(f"{dict(done)}; {dict(found.states)}; {words}")
    assert found.sentences == []
    assert min(done["edit"], done["pause"], done["resume"]) > 0
    assert done["rename"] == 0, "a campaign was changed while it was sent"
    assert found.states["cancelled"] > 0, "it was over before it was cancelled: give it more people"
    assert words == {("News of the company", "Hello, there is ")}
