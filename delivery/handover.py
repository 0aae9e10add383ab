"""Handing a batch over, several mails at once, and never longer than an opt-out may wait."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import transaction
from core.errors import NotReachable
from delivery.backoff import Backoff
from delivery.claim import LEASE, STILL_HANDING_OVER, Claim
from delivery.handover_journal import Journal
from delivery.outgoing import Outgoing
from delivery.recipients import Matter, Recipient
from delivery.settle import settle
from delivery.smtp import Accepted, Mail, NotAttempted, Outcome, Parcel, Phase, Refused, Unknown
from delivery.transactional import keep_copies
from delivery.ways import Way

log = structlog.get_logger()

# How long a batch may take from the gate to its last DATA: an opt-out may wait for two seconds, the gate and the
# settlement included.
BUDGET = 1.25
# Past the budget and still waiting for one answer: the others of the batch are given back.
GRACE = 0.5
# A live worker renews this often, and begins nothing in the last part of a lease.
RENEW = 15.0
MARGIN = timedelta(seconds=15)
# How long outcomes are kept for a database that is away; afterwards the lease has run out anyway.
PATIENCE = 45.0

_RENEW = f"""
    UPDATE message AS m SET lease_until = clock_timestamp() + :lease
    WHERE id = ANY (:ids) AND {STILL_HANDING_OVER} RETURNING id
"""  # noqa: S608 - a condition of ours


@dataclass
class Batch:
    """A claimed batch on its way through gate, server and settlement."""

    claim: Claim
    matter: Matter
    recipients: dict[int, Recipient]
    backoff: Backoff


@dataclass
class Handover:
    """The messages of a batch that passed the gate, and what became of each so far. A `Post` for its way out.

    Mails are written while servers read those before them.
    """

    batch: Batch
    bases: Mapping[int, str]
    way: Way
    journal: Journal
    leased_at: float
    budget: float = BUDGET
    began: float = field(default_factory=monotonic)
    at: datetime = field(default_factory=clock.now)
    accepted: int = 0
    took: float = 0
    _outgoing: Outgoing = field(init=False)
    _under_way: set[int] = field(default_factory=set)
    _sent: dict[int, Mail] = field(default_factory=dict)
    _news: dict[int, Outcome] = field(default_factory=dict)
    _unsettled: dict[int, Outcome] = field(default_factory=dict)
    _settled: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._outgoing = Outgoing(self.batch.matter, self.batch.recipients, self.bases, self.at)

    def run(self) -> None:
        """Hand over what the time allows and settle everything. Raises what went wrong while a mail was written."""
        while self._may_begin() and self.way.is_ready():
            self.way.run(self)
        self.took = monotonic() - self.began
        self._settle_patiently()
        if self._outgoing.fault is not None:
            raise self._outgoing.fault

    def _may_begin(self) -> bool:
        return bool(self._outgoing) and monotonic() - self.began < self.budget and self._still_ours()

    def draw(self) -> Parcel | None:
        """The next mail of the batch, as long as there is time for one."""
        while self._may_begin() and (taken := self._outgoing.take()):
            message_id, mail = taken
            if isinstance(mail, Mail):
                self._under_way.add(message_id)
                return Parcel(message_id, mail)
            self._unsettled[message_id] = Refused(Phase.BODY, None, mail)
        return None

    def prepare(self) -> bool:
        """Write mails ahead, while no server has anything to say; False when there is nothing to do."""
        return self._may_begin() and self._outgoing.write_ahead()

    def end(self, parcel: Parcel, outcome: Outcome) -> None:
        """Remember what became of a mail until it is settled."""
        self._under_way.discard(parcel.number)
        self._news[parcel.number] = self._unsettled[parcel.number] = outcome
        self.accepted += isinstance(outcome, Accepted)
        if self.batch.matter.is_answer and isinstance(outcome, Accepted | Unknown):
            self._sent[parcel.number] = parcel.mail

    def note(self, begun: Sequence[Parcel]) -> bool:
        """Note it in the journal. When that cannot be done nothing more is begun: those mails wait."""
        ours = self._still_ours()
        numbers = [parcel.number for parcel in begun] if ours else []
        noted = self.journal.note(begun=numbers, ended=self._news)
        self._news = {}
        if not noted:
            self._outgoing.give_up()
        return noted and ours

    def _still_ours(self) -> bool:
        return monotonic() < self.leased_at + (LEASE - MARGIN).total_seconds()

    def waiting(self) -> None:
        """About once a second while servers think: nobody else of the batch shall wait for them."""
        try:
            if self._outgoing and monotonic() - self.began > self.budget + GRACE:
                self._outgoing.give_up()
                self._settle()
            if monotonic() - self.leased_at > RENEW:
                self._renew()
        except (NotReachable, DBAPIError) as error:
            log.warning("renewal_failed", run=self.batch.claim.run_id, error=str(error))

    def _renew(self) -> None:
        moment = monotonic()
        with transaction() as session:
            renewed = session.scalars(
                text(_RENEW),
                {"lease": LEASE, "ids": sorted(self._under_way), "token": self.batch.claim.token},
            ).all()
        if renewed:
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
        for message_id in self.bases.keys() - outcomes.keys() - self._settled - self._under_way:
            outcomes[message_id] = NotAttempted(Phase.MAIL, None, "")
        if outcomes:
            with transaction() as session:
                if self.batch.matter.is_answer:
                    keep_copies(session, self._sent, server=str(self.way))
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
        self._sent.clear()
