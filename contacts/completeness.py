"""Which evidence a consent should have and has not. Pure: a record in, codes out, each with its sentence.

What is asked for depends on how the consent was given. The fields are those that courts and authorities ask for: BGH
I ZR 164/09 (the whole declaration), AG Düsseldorf 23 C 3876/13 (time and copy of the mail), § 7a UWG (calls), and for
records of another system who vouches for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from contacts.consent_models import ConsentStep
from core.sentences import Sentence, say

Record = Mapping[str, Any]


class ConsentKind(StrEnum):
    """How the consent that counts was given. `migrated`: another system took it down; `renewed`: by our own button."""

    DOUBLE_OPT_IN = "double_opt_in"
    WRITTEN = "written"
    RECORDED = "recorded"
    MIGRATED = "migrated"
    RENEWED = "renewed"


# Given on paper or in a call, as `basis` says it.
OFFLINE = frozenset({"written", "recorded"})

# Fields whose value is the digest of a proof: they count only while the proof is there.
PROOFS = frozenset({"particulars", "mail_sha256", "scan_sha256"})

# Where an imported event says from which file it comes.
PROVENANCE = "import"


@dataclass(frozen=True)
class Required:
    """Something that one step of a consent has to show: any of these fields. `inside`: the part that holds them."""

    code: str
    step: ConsentStep
    fields: tuple[str, ...]
    lacking: Sentence
    inside: str | None = None


_ASKED, _MAIL, _GIVEN = ConsentStep.REQUESTED, ConsentStep.MAIL_SENT, ConsentStep.CONFIRMED

_WHO_ASKED = Required(
    "who_asked",
    _ASKED,
    ("particulars", "ip"),
    say("It is not known from where the request came: no address as typed, no IP address."),
)
_TEXT = say("No digest proves which words were agreed to.")
_REQUEST = (
    _WHO_ASKED,
    Required("controller_name", _ASKED, ("controller_name",), say("The record does not name who was agreed with.")),
    Required("text_sha256", _ASKED, ("text_sha256",), _TEXT),
    Required("text_locale", _ASKED, ("text_locale",), say("The language of the words is not on record.")),
    Required(
        "frequency_stated",
        _ASKED,
        ("frequency_stated",),
        say("It is not on record how often mail was to come."),
    ),
    Required(
        "privacy_notice_version",
        _ASKED,
        ("privacy_notice_version",),
        say("It is not on record which privacy notice could be read."),
    ),
    Required("form_version", _ASKED, ("form_version",), say("It is not on record which form was used.")),
    Required("form_url", _ASKED, ("form_url",), say("It is not on record where the form stood.")),
    Required("form_sha256", _ASKED, ("form_sha256",), say("The form is not kept as it was shown.")),
    Required(
        "control_state",
        _ASKED,
        ("control_state",),
        say("It is not on record that the box was empty at first and ticked by the person."),
    ),
    Required("token_hash", _ASKED, ("token_hash",), say("Nothing ties the link in the mail to the request.")),
    Required(
        "token_expires_at", _ASKED, ("token_expires_at",), say("It is not on record how long the link was good for.")
    ),
)
_CONFIRMATION_MAIL = (
    Required(
        "message_header_id", _MAIL, ("message_header_id",), say("The Message-ID of the confirmation mail is unknown.")
    ),
    Required(
        "template_version", _MAIL, ("template_version",), say("The wording of the confirmation mail is not on record.")
    ),
    Required("mail_sha256", _MAIL, ("mail_sha256",), say("There is no copy of the confirmation mail.")),
    Required(
        "handed_over_at",
        _MAIL,
        ("handed_over_at",),
        say("It is not on record when the confirmation mail was handed over."),
    ),
    Required(
        "smtp_response",
        _MAIL,
        ("smtp_response",),
        say("The answer of the server that took the confirmation mail is not on record."),
    ),
    Required("mx_host", _MAIL, ("mx_host",), say("It is not on record which server took the confirmation mail.")),
    Required("resend_count", _MAIL, ("resend_count",), say("It is not on record how often the mail was sent before.")),
)
_BUTTON = (
    Required(
        "who_confirmed",
        _GIVEN,
        ("particulars", "ip"),
        say("It is not known from where the confirmation came: no IP address, no browser."),
    ),
    Required("method", _GIVEN, ("method",), say("It is not on record that a button was pressed, not a page opened.")),
    Required("page_version", _GIVEN, ("page_version",), say("It is not on record what the confirmation page said.")),
    Required("page_sha256", _GIVEN, ("page_sha256",), say("The confirmation page is not kept as it was shown.")),
)
_RENEWAL = (
    Required("renewal_text", _GIVEN, ("text_sha256",), _TEXT),
    Required("message_id", _GIVEN, ("message_id",), say("It is not on record which mail asked.")),
    Required("content_sha256", _GIVEN, ("content_sha256",), say("No digest proves what that mail said.")),
)
_WHO_GAVE = Required(
    "who_gave", _GIVEN, ("particulars",), say("It is not on record how the address or number was written.")
)
_ON_PAPER = (
    _WHO_GAVE,
    Required("given_text", _GIVEN, ("text_sha256",), _TEXT),
    Required("given_at", _GIVEN, ("given_at",), say("It is not on record when it was given, with the time.")),
    Required("place", _GIVEN, ("place",), say("It is not on record where it was given.")),
    Required("taken_by", _GIVEN, ("taken_by",), say("It is not on record who took it down.")),
)
_SCAN = Required("scan_sha256", _GIVEN, ("scan_sha256",), say("There is no scan of the paper."))
_RECORDING = Required("evidence_ref", _GIVEN, ("evidence_ref",), say("No recording of the call is named."))
_VOUCHED = (
    Required(
        "old_system", _GIVEN, ("old_system",), say("The system that it comes from is not named."), inside=PROVENANCE
    ),
    Required(
        "attested_by",
        _GIVEN,
        ("attested_by",),
        say("Nobody is named who vouches for the record of the other system."),
        inside=PROVENANCE,
    ),
    Required("export_sha256", _GIVEN, ("sha256",), say("No digest of the imported file is kept."), inside=PROVENANCE),
    Required("export_line", _GIVEN, ("line",), say("The line of the imported file is unknown."), inside=PROVENANCE),
)
_WEB = (*_REQUEST, *_CONFIRMATION_MAIL, *_BUTTON)
_PROOF = Required("proof_named", _GIVEN, ("evidence_ref",), say("No recording or letter is named that proves it."))

REQUIRED: Mapping[ConsentKind, tuple[Required, ...]] = {
    ConsentKind.DOUBLE_OPT_IN: _WEB,
    ConsentKind.WRITTEN: (*_ON_PAPER, _SCAN),
    ConsentKind.RECORDED: (*_ON_PAPER, _RECORDING),
    ConsentKind.MIGRATED: (*_VOUCHED, *_WEB),
    ConsentKind.RENEWED: (*_BUTTON, *_RENEWAL),
}
# Paper and recordings that another system took down.
REQUIRED_MIGRATED_OFFLINE = (*_VOUCHED, _PROOF)

WITHDRAWAL = Required(
    "withdrawn_through",
    ConsentStep.WITHDRAWN,
    ("through",),
    say("It is not on record how the consent was taken back."),
)
# The words themselves stand in a table of their own.
WORDING = "wording"
LACKING: Mapping[str, Sentence] = {
    WORDING: say("The words that were agreed to are not stored here."),
    **{
        one.code: one.lacking
        for group in (*REQUIRED.values(), REQUIRED_MIGRATED_OFFLINE, (WITHDRAWAL,))
        for one in group
    },
}


def required(kind: ConsentKind, basis: str) -> tuple[Required, ...]:
    """What a consent given in this way has to show."""
    if kind is ConsentKind.MIGRATED and basis in OFFLINE:
        return REQUIRED_MIGRATED_OFFLINE
    return REQUIRED[kind]


def kind_of(record: Record) -> ConsentKind:
    """How the confirmation that counts was given; of a request that nobody confirmed, how it was asked."""
    steps = counting(record)
    counted = steps.get(ConsentStep.CONFIRMED) or steps.get(ConsentStep.REQUESTED) or {}
    if PROVENANCE in counted:
        return ConsentKind.MIGRATED
    if "renews" in counted:
        return ConsentKind.RENEWED
    return ConsentKind(record["basis"]) if record["basis"] in OFFLINE else ConsentKind.DOUBLE_OPT_IN


def missing(record: Record) -> tuple[str, ...]:
    """The codes of what a record lacks (`LACKING` says each in words); `record` is one of `consent_records`.

    Nothing rests on a request that nobody confirmed, and who asked is forgotten on purpose, so it lacks nothing.
    """
    if record["confirmed_at"] is None:
        return ()
    steps = counting(record)
    asked = required(kind_of(record), record["basis"])
    lacking = [one.code for one in asked if not _shows(steps.get(one.step, {}), one)]
    if record["withdrawn_at"] is not None and not _shows(steps.get(ConsentStep.WITHDRAWN, {}), WITHDRAWAL):
        lacking.append(WITHDRAWAL.code)
    return (*((WORDING,) if not record["wording"] else ()), *lacking)


def provenance(record: Record) -> dict[str, Any] | None:
    """Where a consent of another system comes from: `old_system`, `attested_by`, `file`, `sha256`, `line`."""
    steps = [step for step in record["steps"] if PROVENANCE in step]
    return {name: value for name, value in steps[-1][PROVENANCE].items() if name != "missing"} if steps else None


def counting(record: Record) -> dict[ConsentStep, Mapping[str, Any]]:
    """The steps on which the state rests: the last confirmation, with the request and the mail that led to it."""
    until = _latest(record, ConsentStep.CONFIRMED, until=None)
    moment = until["at"] if until else record["confirmed_at"]
    found = {
        ConsentStep.CONFIRMED: until,
        ConsentStep.REQUESTED: _latest(record, ConsentStep.REQUESTED, until=moment),
        ConsentStep.MAIL_SENT: _latest(record, ConsentStep.MAIL_SENT, until=moment),
        ConsentStep.WITHDRAWN: _latest(record, ConsentStep.WITHDRAWN, until=None),
    }
    return {step: one for step, one in found.items() if one is not None}


def _latest(record: Record, step: ConsentStep, *, until: datetime | None) -> Mapping[str, Any] | None:
    found = [one for one in record["steps"] if one["step"] == step and (until is None or one["at"] <= until)]
    return max(found, key=lambda one: one["at"], default=None)


def _shows(step: Mapping[str, Any], asked: Required) -> bool:
    part: Mapping[str, Any] = step.get(asked.inside, {}) if asked.inside else step
    gone = step.get("gone", ())
    return any(part.get(name) is not None and name not in gone for name in asked.fields)
