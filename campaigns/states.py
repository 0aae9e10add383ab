"""The states of a campaign and the only steps between them."""

from enum import StrEnum

from core.sentences import Sentence, say


class CampaignState(StrEnum):
    """Where a campaign is between an idea and its last message."""

    DRAFT = "draft"
    CHECKED = "checked"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


_S = CampaignState

# How a sentence names them.
SAID: dict[CampaignState, Sentence] = {
    _S.DRAFT: say("draft"),
    _S.CHECKED: say("checked"),
    _S.SUBMITTED: say("submitted"),
    _S.APPROVED: say("approved"),
    _S.SCHEDULED: say("scheduled"),
    _S.SENDING: say("sending"),
    _S.PAUSED: say("paused"),
    _S.DONE: say("done"),
    _S.CANCELLED: say("cancelled"),
}

# Any change to what was checked or approved leads back to draft: an approval is for exactly what was seen.
STEPS: dict[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.CHECKED, _S.CANCELLED}),
    _S.CHECKED: frozenset({_S.CHECKED, _S.SUBMITTED, _S.DRAFT, _S.CANCELLED}),
    _S.SUBMITTED: frozenset({_S.APPROVED, _S.DRAFT, _S.CANCELLED}),
    _S.APPROVED: frozenset({_S.SCHEDULED, _S.SENDING, _S.DRAFT, _S.CANCELLED}),
    # Back to approved when its time went by unnoticed: somebody has to say that it may still go.
    _S.SCHEDULED: frozenset({_S.SENDING, _S.APPROVED, _S.DRAFT, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.PAUSED, _S.DONE, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.SENDING, _S.CANCELLED}),
    _S.DONE: frozenset(),
    _S.CANCELLED: frozenset(),
}


def allowed(*, before: CampaignState, after: CampaignState) -> bool:
    """Whether a campaign may go from one state to the other."""
    return after in STEPS[before]
