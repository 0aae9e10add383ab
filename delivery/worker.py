"""The sending loop of one process: claim, gate, hand over, settle, until nothing is due."""

from datetime import timedelta
from time import monotonic

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.db import connections_made, transaction
from core.errors import CrusoeError
from core.found_work import note_found
from core.sentences import packed
from core.settings import settings
from core.tasks import stopping
from delivery import self_test
from delivery.backoff import Backoff
from delivery.claim import Claim, Wait, claim_or_wait, give_back, keep_to_way
from delivery.gate import gate
from delivery.handover import BUDGET, Batch, Handover
from delivery.handover_journal import Journal, keep
from delivery.models import Run
from delivery.outage import note_outage, note_return
from delivery.providers.routes import note_away, note_back
from delivery.recipients import matter, recipients
from delivery.smtp import Outcome, Timeouts
from delivery.states import RunKind, RunState
from delivery.transport import Transports
from delivery.ways import Way
from suppression import watch_journal

log = structlog.get_logger()

FIRST_SIZE = 50
LARGEST_SIZE = 3000
# A batch is at most so many times as large as the one before it: the first ones say little about a server.
GROWTH = 4
# A batch is made for this part of its budget, so that an ordinary slow moment does not cut it.
AIM = 0.8
SECONDS = 20.0
# What a limit keeps back for longer is left to the next look.
SOON = 1.0


class Worker:
    """What one process keeps between batches: connections, the size of a batch, the run that was served last."""

    def __init__(
        self, *, backoff: Backoff | None = None, timeouts: Timeouts | None = None, budget: float = BUDGET
    ) -> None:
        self_test.refuse_injection()
        self.backoff = backoff or Backoff(first=settings().retry_after)
        self.transports = Transports(timeouts=timeouts)
        self.budget = budget
        self.size = FIRST_SIZE
        self.last_run = 0
        # How long a limit keeps back what is due; nothing when nothing is due.
        self.kept_back = 0.0
        self._looked = 0

    def run(self, *, seconds: float = SECONDS) -> bool:
        """Send what is due for about so many seconds; answers whether more is waiting."""
        until = monotonic() + seconds
        while not stopping.is_set():
            if not self.step() and not self._wait():
                return False
            if monotonic() > until:
                return True
        return False

    def _wait(self) -> bool:
        """Wait until a limit lets more leave, when that is soon; a rate per second must not become one per poll."""
        if 0 < self.kept_back <= SOON:
            stopping.wait(self.kept_back)
            return True
        return False

    def step(self) -> bool:
        """Send one batch; answers False when nothing was due."""
        self._look_after_reconnecting()
        batch = self._claim()
        if batch is None:
            return False
        note_found(len((batch.claim if isinstance(batch, Batch) else batch).message_ids))
        if not isinstance(batch, Batch):
            return True
        way = self._connect(batch)
        if way is None or not self._keep_to_limit(batch):
            return True
        with keep(batch.claim.token) as journal:
            self._hand_over(batch, way, journal)
        self._tell(batch, self.transports.judge(batch.matter, way))
        return True

    def _look_after_reconnecting(self) -> None:
        """Another server may have taken over that never heard of the last objections; the journal has."""
        made = connections_made()
        if made != self._looked:
            with transaction() as session:
                watch_journal(session)
            self._looked = made

    def _hand_over(self, batch: Batch, way: Way, journal: Journal) -> None:
        leased_at = monotonic()
        with transaction() as session:
            passed = gate(session, batch.claim)
        handover = Handover(
            batch=batch,
            bases=passed.bases,
            way=way,
            journal=journal,
            leased_at=leased_at,
            budget=self.budget,
        )
        handover.run()
        self._learn(handover)

    def _claim(self) -> Batch | Claim | None:
        """The next batch with everything that its mails need; a bare claim when it had to be given back."""
        with transaction() as session:
            taken = claim_or_wait(
                session,
                most=self.size,
                after=self.last_run,
                away=self.transports.away,
                doubtful=self.transports.doubtful,
            )
            self.kept_back = taken.seconds if isinstance(taken, Wait) else self.transports.kept_back
            if not isinstance(taken, Claim):
                return None
            self.last_run = taken.run_id
            try:
                about = matter(session, run_id=taken.run_id)
                self.transports.learn(session, about)
            except CrusoeError as error:
                self._halt(session, taken, error)
                return taken
            people = {each.message_id: each for each in recipients(session, message_ids=taken.message_ids)}
        return Batch(claim=taken, matter=about, recipients=people, backoff=self.backoff)

    def _halt(self, session: Session, taken: Claim, error: CrusoeError) -> None:
        """Nothing of this run can be made into mail, so it waits for a person instead of failing one by one.

        Not so the standing run of an answer: nobody could resume it, so it is tried again when its pause is over.
        """
        run = Run.id == taken.run_id
        paused = session.scalar(
            update(Run)
            .where(run, Run.kind == RunKind.CAMPAIGN, Run.state == RunState.OPEN)
            .values(state=RunState.PAUSED, state_reason=packed(error.told()))
            .returning(Run.id)
        )
        give_back(session, taken, why=str(error), delay=timedelta() if paused else self._first_pause())
        log.warning("run_halted", run=taken.run_id, paused=bool(paused), code=error.code, error=error.message)

    def _first_pause(self) -> timedelta:
        return self.backoff.delay(1) or timedelta(seconds=self.backoff.first)

    def _connect(self, batch: Batch) -> Way | None:
        """Open a way before the gate is asked; without one the batch waits and nothing was promised."""
        found = self.transports.connect(batch.matter, mails=len(batch.recipients))
        if not isinstance(found, Outcome):
            return found
        with transaction() as session:
            give_back(session, batch.claim, why=found.text, delay=self.transports.rest(batch.matter.sender_id))
        self._tell(batch, found)
        return None

    def _keep_to_limit(self, batch: Batch) -> bool:
        """Take no more along than the limit of the way allows; answers whether anything is left."""
        route = self.transports.taken(batch.matter)
        if route is None or route.id is None or route.limit is None:
            return True
        with transaction() as session:
            kept = keep_to_way(
                session, batch.claim, sender_id=batch.matter.sender_id, transport_id=route.id, limit=route.limit
            )
        if isinstance(kept, float | int):
            self.transports.use_up(route, seconds=kept)
            return False
        if len(kept.message_ids) < len(batch.claim.message_ids):
            # Claiming many to give most of them back would be work for nothing.
            self.size = 2 * len(kept.message_ids)
        batch.claim = kept
        batch.recipients = {each: batch.recipients[each] for each in kept.message_ids if each in batch.recipients}
        return True

    def _tell(self, batch: Batch, refusal: Outcome | None) -> None:
        """Write down for people which ways went away or came back: mostly none did, and nothing is written."""
        news = self.transports.take_news()
        if refusal is None and not news and not batch.matter.server_was_away:
            return
        sender_id = batch.matter.sender_id
        with transaction() as session:
            note_away(session, {number: found for number, found in news.items() if found is not None})
            note_back(session, [number for number, found in news.items() if found is None])
            if refusal is not None:
                note_outage(session, sender_id=sender_id, said=refusal.text, rest=self.transports.rest(sender_id))
            elif batch.matter.server_was_away:
                note_return(session, sender_id=sender_id)

    def _learn(self, handover: Handover) -> None:
        """Size the next batch by time, so that fast servers get many and slow ones keep nobody waiting."""
        if handover.accepted and handover.took > 0:
            fitting = handover.accepted / handover.took * self.budget * AIM
            self.size = max(1, min(LARGEST_SIZE, int(fitting), self.size * GROWTH))

    def close(self) -> None:
        """Say goodbye to the servers."""
        self.transports.close()
