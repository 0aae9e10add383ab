"""What happens in the demo, as a list of named steps. Every step leaves its numbers in the tally."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from app.demo import company
from app.demo.commands import run
from app.demo.recipients import SCANNER, Visitor, received
from contacts import choose, find_address
from contacts.models import TrackingLevel
from core import clock
from core.db import transaction
from core.errors import NotReachable
from core.sentences import say
from core.settings import settings
from tracking import READING

CONFIGURATION = Path(__file__).parent / "configuration"

USERS = {
    "marketer": "marketer@bergweg.example",
    "compliance": "compliance@bergweg.example",
    "releaser": "releaser@bergweg.example",
    "sales": "sales@bergweg.example",
}

MEMBERS = 300
OPENING, CLICKING, SCANNING, LEAVING, JOINING = 60, 25, 15, 20, 3
# Generous, because a demo also runs on busy machines; a quiet one needs a tenth of it.
PATIENCE = 300.0


@dataclass
class Tally:
    """What the demo did and what it found, for the sums at the end."""

    passwords: dict[str, str] = field(default_factory=dict)
    imports: dict[str, dict[str, Any]] = field(default_factory=dict)
    check: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    left_verdicts: dict[str, list[str]] = field(default_factory=dict)
    joined: list[str] = field(default_factory=list)
    joined_verdicts: dict[str, str] = field(default_factory=dict)
    leads: list[dict[str, Any]] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    delivered: int = 0
    doubled: int = 0


def add_users(tally: Tally) -> None:
    """One person per role; their passwords are drawn for this home."""
    for role, email in USERS.items():
        password = secrets.token_urlsafe(9)
        run("user", "add", email, "--role", role, "--password", password)
        tally.passwords[email] = password


def configure(tally: Tally) -> None:
    """Fields, segments, templates, senders, rules and campaigns, from YAML."""
    del tally
    run("apply", str(CONFIGURATION))


def import_company(tally: Tally) -> None:
    """Five thousand people, their consents, orders and objections, and an ECG list."""
    folder = settings().home / "demo"
    company.write(folder, today=clock.now())
    for what in ("contacts", "consents", "orders", "optouts"):
        tally.imports[what] = run("import", what, str(folder / f"{what}.csv"))
    run("lists", "import", "at.ecg.file", str(folder / "ecg-liste.hash"))


def agree_to_tracking(tally: Tally) -> None:
    """Some members agreed to be counted one by one; nobody else's opens and clicks are recorded at all."""
    del tally
    members = [who for who in company.people() if who.newsletter][:MEMBERS]
    with transaction() as session:
        for who in members:
            address_id = find_address(session, who.email)
            if address_id is not None:
                choose(session, address_id, tracking=TrackingLevel.INDIVIDUAL)


def approve_and_launch(code: str) -> dict[str, Any]:
    """Check, submit, approve by somebody else, launch; answers the check."""
    found: dict[str, Any] = run("campaign", "check", code)
    run("campaign", "submit", code, "--as", USERS["marketer"])
    run("campaign", "approve", code, "--as", USERS["marketer"], expect=2)
    run("campaign", "approve", code, "--as", USERS["releaser"])
    run("campaign", "launch", code, "--as", USERS["marketer"])
    return found


def until_done(code: str) -> dict[str, Any]:
    """Wait until nothing of a campaign is under way."""
    report: dict[str, Any] = until(
        lambda: run("campaign", "report", code, quietly=True),
        lambda report: report["audience"] > 0 and report["in_flight"] == 0 and report["state"] == "done",
        what=f"campaign {code} to end",
    )
    return report


def until(ask: Callable[[], Any], good: Callable[[Any], bool], *, what: str) -> Any:
    """Ask again until the answer is good, or say what was waited for in vain."""
    end = monotonic() + PATIENCE
    while not good(answer := ask()):
        if monotonic() > end:
            raise NotReachable(
                "demo_waiting",
                say("Waited %(patience)s s in vain for %(what)s.", patience=f"{PATIENCE:.0f}", what=what),
                say("Read the log."),
            )
        sleep(1)
    return answer


def send_first(tally: Tally) -> None:
    """The first campaign goes to the inbox."""
    tally.check = approve_and_launch("spring")
    tally.first = until_done("spring")


def play_recipients(tally: Tally) -> None:
    """Some open, some click, scanners look at everything, some leave with one click, some sign up."""
    mails = received(sender="news@bergweg.example")
    tally.delivered = len(mails)
    tally.doubled = len(mails) - len({mail.recipient for mail in mails})
    # What comes sooner than anybody can read counts as a machine.
    sleep(READING.total_seconds() + 1)
    person, scanner = Visitor(), Visitor(user_agent=SCANNER)
    # In an order of their own, because mails arrive in another one each time.
    tracked = sorted((mail for mail in mails if mail.pixels and mail.clicks), key=lambda mail: mail.recipient)
    for mail in tracked[:OPENING]:
        person.open(mail)
    for mail in tracked[:CLICKING]:
        person.click(mail)
    for mail in tracked[OPENING : OPENING + SCANNING]:
        scanner.scan(mail)
    for mail in mails[-LEAVING:]:
        person.unsubscribe(mail)
        tally.left.append(mail.recipient)
    tally.joined = [f"new-reader{number}@example.net" for number in range(JOINING)]
    person.sign_up(form="newsletter", addresses=tally.joined)


def confirm_sign_ups(tally: Tally) -> None:
    """The new readers find the confirmation mail and press its button."""

    def confirmations() -> list[Any]:
        mails = received(sender="service@bergweg.example")
        return [mail for mail in mails if mail.recipient in tally.joined and mail.confirmations]

    person = Visitor()
    for mail in until(confirmations, lambda found: len(found) >= JOINING, what="the confirmation mails"):
        person.confirm(mail)


def score_and_hand_over(tally: Tally) -> None:
    """Hits are copied into the ledger, judged and scored; over the threshold they are leads."""
    until(
        lambda: run("campaign", "report", "spring", quietly=True),
        lambda report: report["human_clicks"] >= CLICKING and report["clicks"] > report["human_clicks"],
        what="the clicks to be judged",
    )
    run("score", "rebuild")
    tally.leads = run("leads", "list")
    run("leads", "accept", str(tally.leads[0]["id"]), "--as", USERS["sales"])
    tally.first = run("campaign", "report", "spring")


def send_second(tally: Tally) -> None:
    """The second campaign skips who left; the new readers get it."""
    approve_and_launch("club-weekend")
    tally.second = until_done("club-weekend")
    for address in tally.left:
        tally.left_verdicts[address] = run("why", address, "--campaign", "club-weekend", quietly=True)[0]["reasons"]
    for address in tally.joined:
        tally.joined_verdicts[address] = run("why", address, "--campaign", "club-weekend", quietly=True)[0]["status"]


def leave_one_waiting(tally: Tally) -> None:
    """A third campaign waits for somebody's approval."""
    del tally
    run("campaign", "check", "regulars")
    run("campaign", "submit", "regulars", "--as", USERS["marketer"])


def verify_evidence(tally: Tally) -> None:
    """Recompute all hash chains."""
    tally.audit = run("audit", "verify")


STEPS: tuple[Callable[[Tally], None], ...] = (
    add_users,
    configure,
    import_company,
    agree_to_tracking,
    send_first,
    play_recipients,
    confirm_sign_ups,
    score_and_hand_over,
    send_second,
    leave_one_waiting,
    verify_evidence,
)


def remember(tally: Tally) -> None:
    """Keep the log-ins for the next `crusoe demo`, readable by the owner only."""
    path = settings().home / "demo" / "log-ins.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(tally.passwords))


def remembered() -> dict[str, str] | None:
    """The log-ins of a demo that ran in this home before."""
    path = settings().home / "demo" / "log-ins.json"
    return json.loads(path.read_text()) if path.exists() else None
