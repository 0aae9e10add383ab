"""`crusoe demo`."""

import subprocess
import sys
from typing import Any

import click

from app.demo.scenario import STEPS, USERS, Tally, remember, remembered
from app.demo.sums import mistakes
from core.cli import command, console, progress
from core.errors import NotAllowed, NotReachable
from core.sentences import say
from core.settings import settings


def register(root: click.Group) -> None:
    """Add this command to `crusoe`."""

    @command(root, "demo", show=_show)
    def demo() -> dict[str, Any]:
        """Start everything, run a campaign on a sample company, and leave it up to look at."""
        _start()
        known = remembered()
        if known is not None:
            return {"address": settings().public_url, "log_ins": known, "repeated": True}
        tally = Tally()
        for step in STEPS:
            progress.print(str(step.__doc__).split("\n")[0])
            step(tally)
        remember(tally)
        wrong = mistakes(tally)
        if wrong:
            raise NotAllowed(
                "demo_sums",
                say("The demo ran, but its sums do not add up."),
                details={"lines": wrong, "report": tally.first},
            )
        return _answer(tally)


def _start() -> None:
    """Bring the installation up in the background, unless it is up."""
    done = subprocess.run([sys.executable, "-m", "app", "status", "--json"], capture_output=True, check=False)
    if done.returncode == 0:
        return
    begun = subprocess.run([sys.executable, "-m", "app", "up", "--detach"], check=False)
    if begun.returncode:
        raise NotReachable("demo_not_up", say("The demo could not start."), say("The sentence above says why."))


def _answer(tally: Tally) -> dict[str, Any]:
    first = tally.first
    refused = {code: count for code, count in tally.check["reasons"].items() if code not in CLEARED}
    return {
        "contacts": tally.imports["contacts"],
        "sent": first["sent"],
        "refused": refused,
        "opens": {"human": first["human_opens"], "machine": first["opens"] - first["human_opens"]},
        "clicks": {"human": first["human_clicks"], "machine": first["clicks"] - first["human_clicks"]},
        "unsubscribed": len(tally.left),
        "skipped_by_second_campaign": sum("opted_out" in reasons for reasons in tally.left_verdicts.values()),
        "signed_up": len(tally.joined),
        "second_campaign_sent": tally.second["sent"],
        "leads": len(tally.leads),
        "audit_verified": tally.audit["ok"],
        "waiting_for_approval": "regulars",
        "address": settings().public_url,
        "log_ins": tally.passwords,
    }


CLEARED = frozenset({"consent", "existing_customer"})


def _show(answer: dict[str, Any]) -> None:
    if not answer.get("repeated"):
        console.print()
        console.print(f"Sent {answer['sent']}, refused {sum(answer['refused'].values())}:")
        for code, count in answer["refused"].items():
            console.print(f"  {code:<22} {count:>6}", markup=False)
        console.print(f"Opens   people {answer['opens']['human']}, machines {answer['opens']['machine']}")
        console.print(f"Clicks  people {answer['clicks']['human']}, machines {answer['clicks']['machine']}")
        console.print(
            f"Unsubscribed {answer['unsubscribed']}, skipped by the second campaign "
            f"{answer['skipped_by_second_campaign']}; signed up {answer['signed_up']}"
        )
        console.print(f"Leads handed over {answer['leads']}; evidence verified: {answer['audit_verified']}")
        console.print(f"Campaign {answer['waiting_for_approval']!r} waits for the releaser's approval.")
    console.print(f"\nCrusoe is up at {answer['address']}. Stop it with: crusoe stop", markup=False)
    roles = {email: role for role, email in USERS.items()}
    for email, password in answer["log_ins"].items():
        console.print(f"  {roles[email]:<11} {email:<28} {password}", markup=False)
