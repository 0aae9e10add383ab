"""The whole mix: a real installation, a campaign to many, every trouble at once, and then the comparison."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.demo.commands import run
from core import db, keys
from core.db import transaction
from core.errors import NotReachable
from core.settings import settings
from delivery.smtp import server_at
from tests.faults import installation_extras as extras
from tests.faults.company import AUTHOR, EDITOR, RELEASER, Company, write
from tests.faults.doors import Objectors, OptOut, storm
from tests.faults.installation import Installation, prepare
from tests.faults.memory import Watch
from tests.faults.oracle import Accounts, Findings, compare, faults_of_chains, fired_twice, not_stored, read_ledger
from tests.faults.proxy import Proxy
from tests.faults.sinks import Moods
from tests.faults.troubles import Cutter, Emptier, Killer, Pauser, Renewer, Stopper, Trouble
from tests.smtp_sink import Sink

# Seconds before what a server put off is tried again; spread by a fifth.
RETRY_AFTER = 2.0


@dataclass(frozen=True)
class Size:
    """How much of everything. `pace`: seconds that the server thinks about a mail, so that the run outlasts the faults.

    `seconds`: how long the troubles go on at most; they end sooner when the campaign is over.
    """

    people: int
    seconds: float
    pace: float
    seed: int
    crowd: int = 4
    storm: int = 60
    # Seconds between two kills of one worker, from and to; other troubles are so many times rarer.
    often: tuple[float, float] = (2.0, 8.0)
    longest_stop: float = 6.0


@dataclass
class Played:
    """What was done and what was found."""

    size: Size
    findings: Findings
    troubles: list[Trouble]
    crowd: list[Objectors]
    storm: list[OptOut]
    memory: Watch
    prepared: float
    lasted: float
    still_sending: bool
    waited: float
    ambiguous: int
    hung_up: int
    ends: list[float]
    accounts: Accounts
    numbers: dict[str, int] = field(default_factory=dict)
    bloat: float = 0.0
    left_out: list[str] = field(default_factory=list)

    @property
    def opt_outs(self) -> list[OptOut]:
        return [*self.storm, *(each for one in self.crowd for each in one.answered)]


@contextmanager
def environment(installation: Installation) -> Iterator[None]:
    """This process runs commands, looks into the same database and makes tokens with the same keys."""
    before = dict(os.environ)
    os.environ.pop("DATABASE_URL", None)
    os.environ.update({name: value for name, value in installation.environment.items() if name.startswith("CRUSOE_")})
    forget()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        forget()


def forget() -> None:
    settings.cache_clear()
    keys.keys.cache_clear()
    db.forget_engine()


@contextmanager
def installed(folder: Path, sink: Sink) -> Iterator[Installation]:
    """A fresh installation in this folder that sends to this server."""
    made = prepare(folder / "home", smtp_url=sink.url, CRUSOE_RETRY_AFTER=str(RETRY_AFTER))
    with environment(made):
        try:
            made.start()
            yield made
        finally:
            db.forget_engine()
            made.stop()


def get_ready(folder: Path, *, people: int) -> Company:
    """Everything up to the launch, by the commands that people use."""
    company = write(folder, people=people)
    for email, role in ((AUTHOR, "marketer"), (RELEASER, "releaser"), (EDITOR, "compliance")):
        run("user", "add", email, "--role", role, "--password", "a long password")
    run("apply", str(folder))
    for what in ("contacts", "consents", "optouts"):
        run("import", what, str(folder / f"{what}.csv"))
    run("campaign", "check", "letter")
    run("campaign", "submit", "letter", "--as", AUTHOR)
    run("campaign", "approve", "letter", "--as", RELEASER)
    return company


def launch() -> int:
    """Begin; answers the run's id."""
    run("campaign", "launch", "letter", "--as", AUTHOR)
    with transaction() as session:
        run_id = session.scalar(text("SELECT max(id) FROM run WHERE kind = 'campaign'"))
    assert run_id is not None
    return int(run_id)


def run_state(run_id: int) -> str | None:
    try:
        with transaction() as session:
            return session.scalar(text("SELECT state FROM run WHERE id = :run"), {"run": run_id})
    except (NotReachable, DBAPIError):
        return None


def wait_until_over(run_id: int, *, seconds: float) -> float:
    """Wait until the run is done; answers how long that took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds and run_state(run_id) != "done":
        time.sleep(0.5)
    return time.monotonic() - begun


def troubles(
    installation: Installation, *, size: Size, dice: Random, over: threading.Event, stack: ExitStack, run_id: int
) -> list[Trouble]:
    """All of them, each with a chance of its own."""

    def usual(name: str, times: float) -> tuple[str, tuple[float, float], None, Random, threading.Event]:
        often = (size.often[0] * times, size.often[1] * times)
        return name, often, None, Random(dice.random()), over

    socket = settings().socket_folder
    proxy = Proxy(socket / ".s.PGSQL.5432", Random(dice.random()), after_commit=0.02)
    stack.callback(proxy.close)
    far = extras.worker(installation, "worker-far")
    far.start(DATABASE_URL=f"postgresql://crusoe@127.0.0.1:{proxy.port}/crusoe")
    stack.callback(far.stop)
    short = extras.worker(installation, "worker-short", options=("--max-tasks-per-child", "1"))
    second = extras.scheduler(installation, "scheduler-2")
    made: list[Trouble] = [
        Killer(*usual("worker-1", 1), installation=installation),
        Killer(*usual("worker-2", 1), installation=installation),
        Killer(*usual("postgres", 6), installation=installation),
        Killer(*usual("valkey", 5), installation=installation),
        Killer(*usual("web", 8), installation=installation),
        Killer(*usual("scheduler", 6), installation=installation),
        Killer(*usual("returns", 8), installation=installation),
        Stopper(*usual("freeze worker-1", 3), installation=installation, part="worker-1", longest=size.longest_stop),
        Stopper(*usual("freeze worker-2", 3), installation=installation, part="worker-2", longest=size.longest_stop),
        Emptier(*usual("empty the broker", 3), socket=str(socket / "valkey.sock")),
        Cutter(*usual("cut worker-far off", 2), proxy=proxy),
        Pauser(*usual("pause the campaign", 6), run_id=run_id),
        Renewer(*usual("renew worker-short", 10), extra=short),
        Renewer(*usual("second scheduler", 8), extra=second),
    ]
    if extras.FAKETIME.exists():
        wrong = extras.worker(installation, "worker-wrong-clock")
        made.append(Renewer(*usual("wrong clock", 10), extra=wrong, environment=some_clock))
    return made


def some_clock(dice: Random) -> dict[str, str]:
    """An hour, a day, or ten minutes wrong, in one direction or the other."""
    return extras.shifted(dice.choice([-86_400, -3600, -600, 600, 3600, 86_400]))


def play(folder: Path, size: Size) -> Played:
    """Do all of it; `folder` must exist and be empty."""
    dice = Random(size.seed)
    moods = Moods(random=Random(dice.random()), pause=RETRY_AFTER * 0.8)
    with Sink(moods, keep_content=False) as sink, installed(folder, sink) as installation, ExitStack() as stack:
        begun = time.monotonic()
        company = get_ready(folder / "company", people=size.people)
        prepared = time.monotonic() - begun
        moods.pace = size.pace
        begun = time.monotonic()
        run_id = launch()
        memory = Watch(installation)
        stack.enter_context(memory)
        while len(moods.ended) < 100:
            time.sleep(0.1)
        pressed = storm(installation, run_id, many=size.storm, random=Random(dice.random()))
        over = threading.Event()
        bad = troubles(installation, size=size, dice=dice, over=over, stack=stack, run_id=run_id)
        crowd = [Objectors(installation, run_id, Random(dice.random()), over) for _ in range(size.crowd)]
        threads = [threading.Thread(target=each.run) for each in (*bad, *crowd)]
        for thread in threads:
            thread.start()
        while time.monotonic() - begun < size.seconds and run_state(run_id) != "done":
            time.sleep(1)
        still_sending = run_state(run_id) != "done"
        over.set()
        for thread in threads:
            thread.join(timeout=150)
        moods.pace = 0
        waited = wait_until_over(run_id, seconds=max(240.0, size.people / 100))
        lasted = time.monotonic() - begun
        memory.stop()
        opt_outs = [*pressed, *(each for one in crowd for each in one.answered)]
        # One mail may be under way on each connection of a worker that is killed, or cut off from the database.
        deaths = sum(each.done for each in bad if each.name.startswith(("worker", "renew", "wrong")))
        ambiguous = moods.ambiguous + deaths * server_at(sink.url).connections
        accounts = Accounts(
            company=company,
            deliveries=sink.deliveries,
            ended=moods.ended,
            opt_outs=opt_outs,
            ledger=read_ledger(run_id),
            ambiguous=ambiguous,
            early=moods.early,
            not_stored=not_stored(opt_outs),
            faults_of_chains=faults_of_chains(),
            fired_twice=fired_twice(),
            pauses=[pause for each in bad if isinstance(each, Pauser) for pause in each.pauses],
        )
        return Played(
            size=size,
            findings=compare(accounts),
            troubles=bad,
            crowd=crowd,
            storm=pressed,
            memory=memory,
            prepared=prepared,
            lasted=lasted,
            still_sending=still_sending,
            waited=waited,
            ambiguous=ambiguous,
            hung_up=moods.ambiguous,
            ends=sorted(at for _, at in moods.ended),
            accounts=accounts,
            numbers=run("campaign", "report", "letter"),
            bloat=index_bloat(),
            left_out=[] if extras.FAKETIME.exists() else ["wrong clock (no libfaketime)"],
        )


def index_bloat() -> float:
    """How many times larger the indexes of the ledger are than when they are made anew."""
    size = "SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = 'message'::regclass"
    with transaction() as session:
        before = session.scalar(text(size))
        session.execute(text("REINDEX TABLE message"))
        after = session.scalar(text(size))
    return float(before) / max(1.0, float(after))
