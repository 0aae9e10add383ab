"""The states of a message and of a run, and the only steps between them."""

from enum import StrEnum


class RunKind(StrEnum):
    """Whether a run sends a campaign to many or answers single people's actions."""

    CAMPAIGN = "campaign"
    TRANSACTIONAL = "transactional"


class RunState(StrEnum):
    """What pause, resume and stop change. Only an open run is sent."""

    OPEN = "open"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class MessageState(StrEnum):
    """Where one message is."""

    PLANNED = "planned"
    READY = "ready"
    CLAIMED = "claimed"
    HANDING_OVER = "handing_over"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RESOLVED_SENT = "resolved_sent"
    RESOLVED_UNSENT = "resolved_unsent"
    HELD = "held"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


_S = MessageState

# After a restore, what was not sent yet when the backup was made may have been sent since, so it becomes `unknown`.
STEPS: dict[MessageState, frozenset[MessageState]] = {
    _S.PLANNED: frozenset({_S.READY, _S.HELD, _S.BLOCKED, _S.CANCELLED, _S.UNKNOWN}),
    _S.READY: frozenset({_S.CLAIMED, _S.CANCELLED, _S.UNKNOWN}),
    # Back to ready when a dead worker's lease ran out; held or blocked when the gate decides otherwise than the plan.
    _S.CLAIMED: frozenset({_S.HANDING_OVER, _S.READY, _S.HELD, _S.BLOCKED, _S.FAILED, _S.CANCELLED, _S.UNKNOWN}),
    # Back to ready only when it is certain that nothing was accepted: a 4xx answer, the final dot never left, or the
    # journal of a worker that is certainly gone shows that the mail was never begun. That a worker is lost is no proof.
    _S.HANDING_OVER: frozenset({_S.SENT, _S.READY, _S.FAILED, _S.UNKNOWN}),
    # Never back to ready by itself: nobody knows whether the mail arrived.
    _S.UNKNOWN: frozenset({_S.RESOLVED_SENT, _S.RESOLVED_UNSENT, _S.READY}),
    # Compliance released the hold, or stopped waiting for it.
    _S.HELD: frozenset({_S.READY, _S.BLOCKED, _S.CANCELLED, _S.UNKNOWN}),
    _S.SENT: frozenset(),
    _S.FAILED: frozenset(),
    _S.BLOCKED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.RESOLVED_SENT: frozenset(),
    _S.RESOLVED_UNSENT: frozenset(),
}

IN_FLIGHT = frozenset({_S.PLANNED, _S.READY, _S.CLAIMED, _S.HANDING_OVER})
HANDED_OVER = frozenset({_S.HANDING_OVER, _S.SENT, _S.FAILED, _S.UNKNOWN, _S.RESOLVED_SENT}) - {_S.FAILED}


def allowed(*, before: MessageState, after: MessageState) -> bool:
    """Whether a message may go from one state to the other."""
    return after in STEPS[before]
