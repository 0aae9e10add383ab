"""May we write to these people now: send, hold or block, with every reason.

In: an audience (a SELECT of recipients) and a question (channel, purpose, controller). Out: an `Assessment`, one row
per recipient with verdict, reasons and the evidence, made by one ordered table of small rules (`suppression.rules`)
that knows no database. Plans, previews and the gate ask the same function, so what a check promises the gate does.

The promises: nothing is sent without a stored decision (`record_decisions`, then the database refuses a hand-over
without one); an objection counts from the moment it is stored (`add` locks the address); a list that is missing or too
old holds everybody whom it concerns; entries outlive the contact, and are lifted by two people or answered by the
person's own later confirmed opt-in.
"""

from suppression.address import decide_address
from suppression.asking import Answer, Answers, ask, reserve
from suppression.assessment import Assessment, assess, counts, samples
from suppression.block_intake import BlockIntake
from suppression.block_targets import Target, target
from suppression.blocks import Block, BlockKind, add_block, add_blocks
from suppression.calling_hours import WrittenHours, read_hours, zones_of
from suppression.cases import close_case, open_case
from suppression.decisions import Recorded, record_decisions, seal_decisions
from suppression.departures import departures, wait_for_departures
from suppression.entries import Entry, NewEntry, add, add_many, entries
from suppression.explaining import Explained, ListState, consents_of, explain, explain_exported
from suppression.facts import Basis, Decision, Facts, Verdict
from suppression.gathering import Question
from suppression.journal import Place as JournalPlace
from suppression.journal import end as journal_end
from suppression.journal_gaps import Missing as MissingLines
from suppression.journal_gaps import missing as missing_lines
from suppression.journal_gaps import note_decided, note_launch
from suppression.journal_reading import JournalReading, journal_decisions, journal_launches, merge_journal, read_journal
from suppression.journal_watch import ahead as journal_ahead
from suppression.journal_watch import beat as journal_beat
from suppression.journal_watch import trust as trust_journal
from suppression.journal_watch import watch as watch_journal
from suppression.lifting import OpenRequest, agree_to_lift, ask_to_lift, open_requests, refuse_to_lift
from suppression.lists.history import list_history
from suppression.lists.known import spec as list_contract
from suppression.lists.load import import_list
from suppression.lists.standing import ListStatus, status
from suppression.lookup import (
    Found,
    Listing,
    Reserved,
    VerdictNow,
    every_verdict_now,
    listings,
    look_up,
    reservations,
    verdicts_now,
)
from suppression.models import Cause, Stage
from suppression.optouts import OptOutIntake
from suppression.policy import UNKNOWN
from suppression.restoring import read_back
from suppression.restrictions import is_restricted, restrict, restricted, restricted_contacts
from suppression.rule_diff import RuleChange, differences
from suppression.rule_sets import (
    SYSTEM,
    RulesInForce,
    RuleVersion,
    activate,
    current,
    propose,
    put_into_force,
    version,
    versions,
)
from suppression.rule_settings import RuleSettings
from suppression.rules import ANSWERS, RELEASABLE, decide
from suppression.staleness import soon_stale
from suppression.wide_blocks import see_wide_blocks

__all__ = [
    "ANSWERS",
    "RELEASABLE",
    "SYSTEM",
    "UNKNOWN",
    "Answer",
    "Answers",
    "Assessment",
    "Basis",
    "Block",
    "BlockIntake",
    "BlockKind",
    "Cause",
    "Decision",
    "Entry",
    "Explained",
    "Facts",
    "Found",
    "JournalPlace",
    "JournalReading",
    "ListState",
    "ListStatus",
    "Listing",
    "MissingLines",
    "NewEntry",
    "OpenRequest",
    "OptOutIntake",
    "Question",
    "Recorded",
    "Reserved",
    "RuleChange",
    "RuleSettings",
    "RuleVersion",
    "RulesInForce",
    "Stage",
    "Target",
    "Verdict",
    "VerdictNow",
    "WrittenHours",
    "activate",
    "add",
    "add_block",
    "add_blocks",
    "add_many",
    "agree_to_lift",
    "ask",
    "ask_to_lift",
    "assess",
    "close_case",
    "consents_of",
    "counts",
    "current",
    "decide",
    "decide_address",
    "departures",
    "differences",
    "entries",
    "every_verdict_now",
    "explain",
    "explain_exported",
    "import_list",
    "is_restricted",
    "journal_ahead",
    "journal_beat",
    "journal_decisions",
    "journal_end",
    "journal_launches",
    "list_contract",
    "list_history",
    "listings",
    "look_up",
    "merge_journal",
    "missing_lines",
    "note_decided",
    "note_launch",
    "open_case",
    "open_requests",
    "propose",
    "put_into_force",
    "read_back",
    "read_hours",
    "read_journal",
    "record_decisions",
    "refuse_to_lift",
    "reservations",
    "reserve",
    "restrict",
    "restricted",
    "restricted_contacts",
    "samples",
    "seal_decisions",
    "see_wide_blocks",
    "soon_stale",
    "status",
    "target",
    "trust_journal",
    "verdicts_now",
    "version",
    "versions",
    "wait_for_departures",
    "watch_journal",
    "zones_of",
]
