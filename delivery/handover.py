"""Handing a batch over: one mail after the other over one connection, and never longer than an opt-out may wait."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.db import transaction
from core.errors import NotReachable
from delivery.backoff import Backoff
from delivery.claim import LEASE, Claim
from delivery.handover_journal import Journal
from delivery.recipients import Matter, Recipient
from delivery.settle import settle
from delivery.smtp import Accepted, Connection, Mail, NotAttempted, Outcome, Phase, Refused, Unknown
from delivery.transactional import keep_copies

log = structlog.get_logger()

# How long a batch may take from the gate to its last DATA: half of what an opt-out may wait.
BUDGET = 1.0
# Past the budget and still waiting for one answer: the others of the batch are given back.
GRACE = 0.5
# A live worker renews this often, and begins nothing in the last part of a lease.
RENEW = 15.0
MARGIN = timedelta(seconds=15)
# How long outcomes are kept for a database that is away; afterwards the lease has run out anyway.
PATIENCE = 45.0
RECONNECT = 2.0


@dataclass
class Batch:
    """A claimed batch on its way through gate, server and settlement."""

    claim: Claim
    matter: Matter
    recipients: dict[int, Recipient]
    backoff: Backoff


@dataclass
class Handover:
    """The mails of a batch that passed the gate, and what became of each so far."""

    batch: Batch
    mails: Mapping[int, Mail | str]
    bases: Mapping[int, str]
    connection: Connection
    journal: Journal
    leased_at: float
    budget: float = BUDGET
    began: float = field(default_factory=monotonic)
    accepted: int = 0
    took: float = 0
    _settled: set[int] = field(default_factory=set)
    _unsettled: dict[int, Outcome] = field(default_factory=dict)
    _current: int | None = None
    _over: bool = False

    def run(self) -> None:
        """Hand over what the time allows and settle everything."""
        self.connection.waiting = self._while_waiting
        left = list(self.bases)
        while left and not self._over and monotonic() - self.began < self.budget:
            self._current = left.pop(0)
            outcome = self._noted(self._current)
            if outcome is None:
                self._current = None
                break
            self._unsettled[self._current] = outcome
            self.accepted += isinstance(outcome, Accepted)
            self._current = None
            if not self.connection.is_open and self.connection.open(at_most=RECONNECT) is not None:
                break
        self.took = monotonic() - self.began
        self._settle_patiently()

    def _noted(self, message_id: int) -> Outcome | None:
        """Hand over between two lines of the journal. None when the first cannot be written: the mail waits then."""
        if not self._still_ours() or not self.journal.begin(message_id):
            return None
        outcome = self._hand_over(message_id)
        self.journal.end(message_id, outcome)
        return outcome

    def _hand_over(self, message_id: int) -> Outcome:
        mail = self.mails[message_id]
        if isinstance(mail, str):
            return Refused(Phase.BODY, None, mail)
        return self.connection.send(mail, still_ours=self._still_ours)

    def _still_ours(self) -> bool:
        return monotonic() < self.leased_at + (LEASE - MARGIN).total_seconds()

    def _while_waiting(self) -> None:
        """About once a second while a server thinks: nobody else of the batch shall wait for it."""
        try:
            if not self._over and monotonic() - self.began > self.budget + GRACE:
                self._over = True
                self._settle()
            if monotonic() - self.leased_at > RENEW:
                self._renew()
        except (NotReachable, DBAPIError) as error:
            log.warning("renewal_failed", run=self.batch.claim.run_id, error=str(error))

    def _renew(self) -> None:
        moment = monotonic()
        with transaction() as session:
            renewed = session.scalar(
                text(
                    "UPDATE message SET lease_until = clock_timestamp() + :lease"
                    " WHERE id = :id AND token = :token AND state = 'handing_over' RETURNING id"
                ),
                {"lease": LEASE, "id": self._current, "token": self.batch.claim.token},
            )
        if renewed is not None:
            self.leased_at = moment

    def _settle_patiently(self) -> None:
        """A database that restarts must not turn what is known into `unknown`."""
        until = monotonic() + PATIENCE
        while True:
            try:
                self._settle()
            except (NotReachable, DBAPIError) as error:
                if monotonic() > until:
                    raise
                log.warning("settlement_waits", run=self.batch.claim.run_id, error=str(error))
                time.sleep(0.5)
            else:
                return

    def _settle(self) -> None:
        """Write down what is known, and give back what was not begun."""
        outcomes = dict(self._unsettled)
        for message_id in self.bases:
            if message_id not in outcomes and message_id not in self._settled and message_id != self._current:
                outcomes[message_id] = NotAttempted(Phase.MAIL, None, "")
        if outcomes:
            with transaction() as session:
                if self.batch.matter.is_answer:
                    sent = [each for each, found in outcomes.items() if isinstance(found, Accepted | Unknown)]
                    keep_copies(session, {each: self.mails[each] for each in sent}, server=str(self.connection.server))
                settle(
                    session,
                    claim=self.batch.claim,
                    matter=self.batch.matter,
                    recipients=self.batch.recipients,
                    outcomes=outcomes,
                    bases=self.bases,
                    backoff=self.batch.backoff,
                )
        self._settled |= outcomes.keys()
        self._unsettled.clear()
