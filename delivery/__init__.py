"""One message to one recipient: the ledger, the gate, the transport, and what became of it.

In: a frozen wording and an audience (`open_run`, `plan`), or a single answer to what somebody did (`notice_run` or
`standing_run`, then `enqueue`; `tell` for colleagues). Out: one row per message in exactly one end state, and counts
that add up (`report`). The rules served: no decision, no send; at most once (what ends ambiguously is `unknown` and
stays so unless somebody chose otherwise); no mail after an opt-out was answered (`wait_until_quiet`).
"""

from delivery.claim import LEASE
from delivery.departing import wait_until_all_quiet
from delivery.doctor.release import require_sound_sender, sender_findings
from delivery.doubt import Doubt, doubts, send_once_more
from delivery.forgetting import forget_recipient
from delivery.notes import (
    Halted,
    InDoubt,
    Note,
    OperatorRests,
    PutOff,
    Refused,
    ServerAway,
    TooLate,
    WindowClosed,
    notes,
)
from delivery.notices import Notice, notice_draft, notice_run, tell
from delivery.pace.braking import begin_counting_anew
from delivery.pace.crowds import foresee
from delivery.pace.expected import expected
from delivery.pace.forecast import Forecast
from delivery.pace.limits import checked_limit, checked_limits
from delivery.pace.reputation import reputations
from delivery.pace.waiting import UsedUp
from delivery.pace.windows import Windows, checked_windows, read_windows
from delivery.plan import Planned, plan
from delivery.providers.hooks import CallTaken, hook_of, news, opt_outs, take_in_call
from delivery.providers.protocol import Call, Forged
from delivery.quiet import still_busy, wait_until_quiet
from delivery.return_path import mail_id, message_of, opt_out_token, return_path
from delivery.returns import ReturnClass, Returned, classify
from delivery.returns.intake import TakenIn, original_subject, take_in
from delivery.returns.reading import Reader, Reading
from delivery.runs import (
    finish_if_done,
    open_run,
    pause_run,
    release_holds,
    report,
    resume_run,
    standing_run,
    stop_run,
)
from delivery.senders import SenderPlan, save_sender
from delivery.set_aside import SetAside, resolve_sent, set_aside
from delivery.tidy import Tidied, tidy
from delivery.transactional import copies, copy_subject, enqueue, state_of
from delivery.transports import TransportPlan, save_transport, shown_secret, shown_secrets

__all__ = [
    "LEASE",
    "Call",
    "CallTaken",
    "Doubt",
    "Forecast",
    "Forged",
    "Halted",
    "InDoubt",
    "Note",
    "Notice",
    "OperatorRests",
    "Planned",
    "PutOff",
    "Reader",
    "Reading",
    "Refused",
    "ReturnClass",
    "Returned",
    "SenderPlan",
    "ServerAway",
    "SetAside",
    "TakenIn",
    "Tidied",
    "TooLate",
    "TransportPlan",
    "UsedUp",
    "WindowClosed",
    "Windows",
    "begin_counting_anew",
    "checked_limit",
    "checked_limits",
    "checked_windows",
    "classify",
    "copies",
    "copy_subject",
    "doubts",
    "enqueue",
    "expected",
    "finish_if_done",
    "foresee",
    "forget_recipient",
    "hook_of",
    "mail_id",
    "message_of",
    "news",
    "notes",
    "notice_draft",
    "notice_run",
    "open_run",
    "opt_out_token",
    "opt_outs",
    "original_subject",
    "pause_run",
    "plan",
    "read_windows",
    "release_holds",
    "report",
    "reputations",
    "require_sound_sender",
    "resolve_sent",
    "resume_run",
    "return_path",
    "save_sender",
    "save_transport",
    "send_once_more",
    "sender_findings",
    "set_aside",
    "shown_secret",
    "shown_secrets",
    "standing_run",
    "state_of",
    "still_busy",
    "stop_run",
    "take_in",
    "take_in_call",
    "tell",
    "tidy",
    "wait_until_all_quiet",
    "wait_until_quiet",
]
