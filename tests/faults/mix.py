"""The whole mix: a real installation, a campaign to many, every trouble at once, and then the comparison."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import text

from app.demo.commands import run
from core.db import transaction
from core.settings import settings
from delivery.smtp import server_at
from tests.faults import installation_extras as extras
from tests.faults.doors import Objectors, OptOut, storm
from tests.faults.installation import Installation
from tests.faults.memory import Watch
from tests.faults.oracle import Accounts, Findings, compare, faults_of_chains, fired_twice, not_stored, read_ledger
from tests.faults.proxy import Proxy
from tests.faults.sinks import Moods
from tests.faults.stage import RETRY_AFTER, get_ready, installed, launch, run_state, wait_until_over
from tests.faults.troubles import Cutter, Emptier, Killer, Pauser, Renewer, Stopper, Trouble
from tests.smtp_sink import Sink

# So many mails leave before anything goes wrong.
FIRST = 100


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


@dataclass(frozen=True)
class Raged:
    """The troubles and the people who objected meanwhile. `still_sending`: there was mail to send to the end."""

    troubles: list[Trouble]
    crowd: list[Objectors]
    still_sending: bool

    @property
    def deaths(self) -> int:
        """How many workers were killed; the one far away from its database is killed in the end."""
        return 1 + sum(each.done for each in self.troubles if each.kills_workers)

    @property
    def faults(self) -> list[str]:
        """What stopped a trouble or an objector: something did not come up again, or the harness is wrong."""
        return [repr(each.fault) for each in (*self.troubles, *self.crowd) if each.fault is not None]


@dataclass(frozen=True)
class Bloat:
    """The indexes of the ledger: bytes of each as they were, and when made anew; and how often rows were swept away."""

    before: dict[str, int]
    after: dict[str, int]
    sweeps: int

    @property
    def times(self) -> float:
        """How many times larger they are than they need to be."""
        return sum(self.before.values()) / max(1, sum(self.after.values()))

    @property
    def each(self) -> dict[str, str]:
        """The same for each of them, in megabytes."""
        return {name: f"{size / 1e6:.2f} of {self.after[name] / 1e6:.2f}" for name, size in self.before.items()}


@dataclass
class Played:
    """What was done and what was found."""

    size: Size
    findings: Findings
    raged: Raged
    storm: list[OptOut]
    memory: Watch
    prepared: float
    lasted: float
    waited: float
    hung_up: int
    accounts: Accounts
    numbers: dict[str, int]
    bloat: Bloat
    left_out: list[str]

    @property
    def ends(self) -> list[float]:
        """When mails ended at the server, in order."""
        return sorted(at for _, at in self.accounts.ended)

    @property
    def is_fine(self) -> bool:
        """Whether every promise was kept and every trouble could be made to the end."""
        return not self.findings.sentences and not self.raged.faults


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
        Killer(*usual("worker-1", 1), installation=installation, kills_workers=True),
        Killer(*usual("worker-2", 1), installation=installation, kills_workers=True),
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
        Renewer(*usual("renew worker-short", 10), extra=short, kills_workers=True),
        Renewer(*usual("second scheduler", 8), extra=second),
    ]
    if extras.FAKETIME.exists():
        wrong = extras.worker(installation, "worker-wrong-clock")
        made.append(Renewer(*usual("wrong clock", 10), extra=wrong, environment=some_clock, kills_workers=True))
    return made


def some_clock(dice: Random) -> dict[str, str]:
    """An hour, a day, or ten minutes wrong, in one direction or the other."""
    return extras.shifted(dice.choice([-86_400, -3600, -600, 600, 3600, 86_400]))


def play(folder: Path, size: Size) -> Played:
    """Do all of it; `folder` must exist and be empty."""
    dice = Random(size.seed)
    moods = Moods(random=Random(dice.random()), pause=RETRY_AFTER * 0.8)
    with Sink(moods, keep_content=False) as sink, installed(folder, sink) as installation:
        begun = time.monotonic()
        company = get_ready(folder / "company", people=size.people)
        prepared = time.monotonic() - begun
        moods.pace = size.pace
        run_id = launch()
        with Watch(installation) as memory:
            while len(moods.ended) < FIRST:
                time.sleep(0.1)
            pressed = storm(installation, run_id, many=size.storm, random=Random(dice.random()))
            raged = _rage(installation, size=size, dice=dice, run_id=run_id)
            moods.pace = 0
            waited = wait_until_over(run_id, seconds=max(240.0, size.people / 100))
        lasted = time.monotonic() - begun - prepared
        opt_outs = [*pressed, *(each for one in raged.crowd for each in one.answered)]
        # One mail may be under way on each connection of a worker that is killed.
        ambiguous = moods.ambiguous + raged.deaths * server_at(sink.url).connections
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
            pauses=[pause for each in raged.troubles if isinstance(each, Pauser) for pause in each.pauses],
        )
        return Played(
            size=size,
            findings=compare(accounts),
            raged=raged,
            storm=pressed,
            memory=memory,
            prepared=prepared,
            lasted=lasted,
            waited=waited,
            hung_up=moods.ambiguous,
            accounts=accounts,
            numbers=run("campaign", "report", "letter"),
            bloat=index_bloat(),
            left_out=[] if extras.FAKETIME.exists() else ["wrong clock (no libfaketime)"],
        )


def _rage(installation: Installation, *, size: Size, dice: Random, run_id: int) -> Raged:
    """Make all trouble there is until the time is over, or the campaign; leave nothing broken behind."""
    over, until = threading.Event(), time.monotonic() + size.seconds
    with ExitStack() as stack:
        bad = troubles(installation, size=size, dice=dice, over=over, stack=stack, run_id=run_id)
        crowd = [Objectors(installation, run_id, Random(dice.random()), over) for _ in range(size.crowd)]
        threads = [threading.Thread(target=each.run) for each in (*bad, *crowd)]
        # Before anything else is put away: whoever interrupts this must not be left with threads that kill.
        stack.callback(_join, threads)
        stack.callback(over.set)
        for thread in threads:
            thread.start()
        while time.monotonic() < until and run_state(run_id) != "done":
            time.sleep(1)
        still_sending = run_state(run_id) != "done"
    return Raged(troubles=bad, crowd=crowd, still_sending=still_sending)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(timeout=150)


def index_bloat() -> Bloat:
    """Measure, and make the indexes anew."""
    size = """
        SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS bytes FROM pg_index
        WHERE indrelid = 'message'::regclass ORDER BY 2 DESC
    """
    with transaction() as session:
        before = {row.name: row.bytes for row in session.execute(text(size))}
        sweeps = session.scalar(
            text("SELECT vacuum_count + autovacuum_count FROM pg_stat_user_tables WHERE relname = 'message'")
        )
        session.execute(text("REINDEX TABLE message"))
        after = {row.name: row.bytes for row in session.execute(text(size))}
    return Bloat(before, after, int(sweeps or 0))
