"""What stable codes mean, in the reader's language: verdicts, reasons, states, events, roles."""

from dataclasses import dataclass

from flask import Flask
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from jinja2 import pass_context
from jinja2.runtime import Context

from contacts import LACKING


@dataclass(frozen=True)
class Word:
    """A code in plain language. `tone` is the colour of its badge; `meaning` the sentence behind it."""

    label: str
    tone: str = "secondary"
    meaning: str = ""


# How a decision marks a reason that compliance let pass.
RELEASED = ":released"

WORDS: dict[str, dict[str, Word]] = {
    "verdict": {
        "send": Word(_l("send"), "green", _l("This message may go out.")),
        "hold": Word(_l("hold"), "yellow", _l("This message waits until a person has decided.")),
        "block": Word(_l("block"), "red", _l("This message must not go out.")),
    },
    "reason": {
        "consent": Word(_l("consent"), "green", _l("The person agreed, and the consent is fresh.")),
        "existing_customer": Word(
            _l("existing customer"),
            "green",
            _l("Bought something lately, was told about the right to object, and did not object."),
        ),
        "legitimate_interest": Word(
            _l("until objection"),
            "green",
            _l("The law asks for no consent here, and the person did not object."),
        ),
        "own_request": Word(_l("own request"), "green", _l("An answer to something that the person did.")),
        "opted_out": Word(_l("opted out"), "red", _l("The person objected after the latest confirmation.")),
        "complaint": Word(_l("complaint"), "red", _l("The person marked an earlier message as spam.")),
        "hard_bounce": Word(_l("hard bounce"), "red", _l("The mail server said that this address does not exist.")),
        "internal_block": Word(_l("blocked by us"), "red", _l("Somebody here put this address or domain on the list.")),
        "deceased": Word(_l("deceased"), "red", _l("Somebody told us that the person has died.")),
        "restricted": Word(
            _l("restricted"), "red", _l("The data may be kept but not used, as the person asked (Art. 18 GDPR).")
        ),
        "minor": Word(_l("minor"), "red", _l("The person is too young for advertising.")),
        "case_open": Word(
            _l("case open"), "yellow", _l("A complaint or service case of the person is being worked on.")
        ),
        "role_account": Word(
            _l("address of a desk"), "yellow", _l("A mailbox like info@, for which nobody confirmed an opt-in.")
        ),
        "consent_unproven": Word(
            _l("consent unproven"), "red", _l("A consent to calls of which no recording or letter is named.")
        ),
        "consent_stale": Word(
            _l("consent stale"), "yellow", _l("The consent was last used or confirmed 18 to 24 months ago.")
        ),
        "consent_lapsed": Word(
            _l("consent lapsed"), "red", _l("The consent was not used or confirmed for more than 24 months.")
        ),
        "opt_in_unconfirmed": Word(
            _l("opt-in unconfirmed"), "red", _l("Consent was asked for, but the person never confirmed it.")
        ),
        "no_basis": Word(_l("no basis"), "red", _l("There is neither a consent nor a purchase to rest on.")),
        "robinson_listed": Word(
            _l("on a do-not-contact list"), "red", _l("The address or its domain stands on a list that must be heeded.")
        ),
        "list_outdated": Word(
            _l("list outdated"), "yellow", _l("A do-not-contact list that must be asked is missing or too old.")
        ),
        "paused": Word(_l("paused by the person"), "yellow", _l("The person asked for a pause that is not over.")),
        "quiet_hours": Word(
            _l("not the time"), "yellow", _l("Where the person lives nobody is to be called at this hour.")
        ),
        "topic_off": Word(_l("topic switched off"), "red", _l("The person does not want this topic.")),
        "frequency_capped": Word(
            _l("too many messages"), "yellow", _l("The person already got as many messages as are allowed.")
        ),
        "erased": Word(_l("erased"), "red", _l("The person was erased; only the lock on the address is left.")),
    },
    "campaign": {
        "draft": Word(_l("draft"), "secondary"),
        "checked": Word(_l("checked"), "azure"),
        "submitted": Word(_l("waiting for approval"), "yellow"),
        "approved": Word(_l("approved"), "teal"),
        "scheduled": Word(_l("scheduled"), "indigo"),
        "sending": Word(_l("sending"), "blue"),
        "paused": Word(_l("paused"), "orange"),
        "done": Word(_l("done"), "green"),
        "cancelled": Word(_l("cancelled"), "secondary"),
    },
    "message": {
        "planned": Word(_l("planned"), "secondary"),
        "ready": Word(_l("ready"), "azure"),
        "claimed": Word(_l("being prepared"), "azure"),
        "handing_over": Word(_l("being handed over"), "blue"),
        "sent": Word(_l("sent"), "green"),
        "failed": Word(_l("refused by the server"), "red"),
        "unknown": Word(_l("unknown"), "orange", _l("The connection broke after the last byte; nobody knows.")),
        "resolved_sent": Word(_l("sent (resolved)"), "green"),
        "resolved_unsent": Word(_l("not sent (resolved)"), "secondary"),
        "held": Word(_l("held"), "yellow"),
        "blocked": Word(_l("blocked"), "red"),
        "cancelled": Word(_l("cancelled"), "secondary"),
        "deferred": Word(_l("deferred"), "orange"),
        "in_flight": Word(_l("on its way"), "blue"),
        "given_out": Word(_l("given out in a file"), "blue", _l("The person stood in a file for another channel.")),
        "left_out": Word(_l("left out of a file"), "secondary", _l("A file was made, and the person is not in it.")),
    },
    "return_class": {
        "hard": Word(_l("hard bounce"), "red", _l("The address does not work, now or ever.")),
        "soft": Word(_l("soft bounce"), "orange", _l("It did not arrive this time; several of them add up.")),
        "mailbox_full": Word(_l("mailbox full"), "orange", _l("Several of them over weeks add up.")),
        "policy": Word(
            _l("refused by policy"),
            "yellow",
            _l("About our reputation, our set-up or the mail, never about the person."),
        ),
        "complaint": Word(_l("complaint"), "red", _l("The person called it spam.")),
        "auto_reply": Word(_l("answer of a machine"), "secondary"),
        "unknown": Word(_l("not understood"), "secondary"),
    },
    "result": {
        "reached": Word(_l("reached"), "green"),
        "not_reached": Word(_l("not reached"), "secondary"),
        "objected": Word(_l("objected"), "red", _l("To everything, on all channels.")),
        "objected_channel": Word(_l("objected to this channel"), "red"),
        "undeliverable": Word(_l("undeliverable"), "orange"),
        "deceased": Word(_l("deceased"), "red"),
    },
    "event": {
        "sent": Word(_l("sent"), "green"),
        "open": Word(_l("opened"), "azure"),
        "click": Word(_l("clicked"), "blue"),
        "unsubscribe": Word(_l("unsubscribed"), "orange"),
        "bounce": Word(_l("bounced"), "red"),
        "soft_bounce": Word(_l("bounced for now"), "orange"),
        "complaint": Word(_l("complained"), "red"),
    },
    "hit": {
        "human": Word(_l("person"), "green"),
        "machine": Word(_l("machine"), "secondary", _l("A scanner or mail proxy, not a person.")),
    },
    "lead": {
        "open": Word(_l("waiting for sales"), "yellow"),
        "accepted": Word(_l("accepted"), "green"),
        "rejected": Word(_l("rejected"), "secondary"),
        "escalated": Word(_l("overdue"), "red"),
    },
    "reject": {
        "not_now": Word(_l("not now; may come back")),
        "no_interest": Word(_l("no interest")),
        "no_budget": Word(_l("no budget")),
        "wrong_contact": Word(_l("wrong person")),
        "already_customer": Word(_l("is a customer already")),
        "unreachable": Word(_l("could not be reached")),
    },
    "consent": {
        "requested": Word(_l("requested"), "secondary"),
        "mail_sent": Word(_l("confirmation mail sent"), "azure"),
        "landing_viewed": Word(_l("confirmation page seen"), "azure"),
        "confirmed": Word(_l("confirmed"), "green"),
        "withdrawn": Word(_l("withdrawn"), "red"),
    },
    "role": {
        "marketer": Word(_l("marketing"), "blue", _l("Plans segments, templates and campaigns.")),
        "compliance": Word(_l("compliance"), "purple", _l("Approves, releases holds, keeps the lists.")),
        "releaser": Word(_l("release"), "teal", _l("Approves and launches campaigns.")),
        "sales": Word(_l("sales"), "orange", _l("Answers leads.")),
        "admin": Word(_l("administration"), "red", _l("May do everything, and manages users.")),
    },
    "list": {
        "fresh": Word(_l("fresh"), "green"),
        "due": Word(_l("due soon"), "yellow"),
        "outdated": Word(_l("too old"), "red"),
        "missing": Word(_l("missing"), "red"),
        "loading": Word(_l("loading"), "azure"),
        "active": Word(_l("in use"), "green"),
        "replaced": Word(_l("replaced"), "secondary"),
        "removed": Word(_l("taken away"), "secondary"),
    },
    "import": {
        "waiting": Word(_l("waits for its turn"), "yellow"),
        "running": Word(_l("being imported"), "blue"),
        "done": Word(_l("done"), "green"),
        "failed": Word(_l("not imported"), "red"),
        "cancelled": Word(_l("cancelled"), "secondary"),
    },
    "bundle": {
        "waiting": Word(_l("waits for its turn"), "yellow"),
        "running": Word(_l("being made"), "blue"),
        "done": Word(_l("done"), "green"),
        "failed": Word(_l("not made"), "red"),
    },
    "import_kind": {
        "contacts": Word(_l("contacts"), meaning=_l("people with their addresses and fields")),
        "consents": Word(_l("consents"), meaning=_l("who asked and confirmed, when, under which words")),
        "orders": Word(_l("orders"), meaning=_l("what people bought")),
        "optouts": Word(_l("opt-outs"), meaning=_l("who must not be written to")),
        "blocks": Word(
            _l("blocks"), meaning=_l("competitors, desks, the deceased and whatever else must not be written to")
        ),
        "results": Word(
            _l("results of calls, letters and text messages"),
            meaning=_l("what came of the lines of a file that was given out; objections count at once"),
        ),
    },
    "tracking": {
        "none": Word(_l("nothing is recorded"), "secondary"),
        "aggregate": Word(_l("counted without a name"), "azure"),
        "individual": Word(_l("recorded by person"), "blue"),
    },
    "origin": {
        "one_click": Word(_l("one click in the mail program")),
        "mailto": Word(_l("mail to the unsubscribe address")),
        "provider": Word(_l("unsubscribed at the provider that carries the mail")),
        "returned_mail": Word(_l("mail that came back")),
        "page": Word(_l("unsubscribe page")),
        "preferences": Word(_l("preference page")),
        "import": Word(_l("imported file")),
        "smtp": Word(_l("answer of the mail server")),
        "letter": Word(_l("letter")),
        "telephone": Word(_l("telephone")),
        "answer": Word(_l("answer to a mail")),
        "in_person": Word(_l("in person")),
        "erasure": Word(_l("erasure of the person")),
    },
    "object": {
        "address": Word(_l("address")),
        "api_token": Word(_l("token")),
        "campaign": Word(_l("campaign")),
        "consent": Word(_l("consent")),
        "contact": Word(_l("contact")),
        "file": Word(_l("file")),
        "handover": Word(_l("lead")),
        "list_version": Word(_l("list")),
        "outbox": Word(_l("message to another system")),
        "rule_set": Word(_l("rules")),
        "score_model": Word(_l("score rules")),
        "signing_key": Word(_l("signing key")),
        "finding": Word(_l("finding about a sender")),
        "segment": Word(_l("segment")),
        "suppression_entry": Word(_l("suppression")),
        "template": Word(_l("template")),
        "user": Word(_l("user")),
        "webhook_target": Word(_l("webhook")),
        # Lists that somebody took as a file.
        "audit": Word(_l("Audit log")),
        "block_changes": Word(_l("Who changed the block list")),
        "exports": Word(_l("Files that left the house")),
        "incident": Word(_l("Messages of an incident")),
        "lists": Word(_l("Do-not-contact lists")),
        "releases": Word(_l("Holds that were released")),
        "rules": Word(_l("Rules")),
        "blocks": Word(_l("Our own blocks")),
        "campaigns": Word(_l("Campaigns")),
        "consents": Word(_l("Consents")),
        "contacts": Word(_l("Contacts")),
        "decisions": Word(_l("Decisions")),
        "imports": Word(_l("Earlier imports")),
        "leads": Word(_l("Leads")),
        "segments": Word(_l("Segments")),
        "senders": Word(_l("Senders")),
        "suppression": Word(_l("Suppression")),
        "templates": Word(_l("Templates")),
        "users": Word(_l("Users")),
    },
    "basis": {
        "double_opt_in": Word(_l("double opt-in")),
        "written": Word(_l("in writing")),
        "recorded": Word(_l("in a recorded call")),
        "existing_customer": Word(_l("existing customer")),
        "consent": Word(_l("consent")),
        "legitimate_interest": Word(_l("until objection")),
        "own_request": Word(_l("own request")),
    },
    "consent_kind": {
        "double_opt_in": Word(_l("double opt-in"), "green", _l("Asked in a form and confirmed by a button.")),
        "written": Word(_l("in writing"), "teal", _l("Given on paper; a colleague put it on record.")),
        "recorded": Word(_l("in a recorded call"), "teal", _l("Given in a call; a colleague put it on record.")),
        "migrated": Word(_l("taken over"), "orange", _l("Taken down by another system and imported.")),
        "renewed": Word(_l("renewed"), "green", _l("Asked in a mail whether to stay, and confirmed by a button.")),
    },
    "channel": {
        "email": Word(_l("E-mail")),
        "phone": Word(_l("telephone")),
        "post": Word(_l("letter")),
        "sms": Word(_l("text message")),
    },
    "kind": {"b2c": Word(_l("private person")), "b2b": Word(_l("business"))},
    "needs": {"consent": Word(_l("prior consent")), "no_objection": Word(_l("that nobody objected"))},
}


def install(app: Flask) -> None:
    """Give pages the filters `word` (`{{ code | word("reason") }}` answers a Word) and `lacking`."""
    app.jinja_env.filters["word"] = word
    app.jinja_env.filters["lacking"] = lacking


@pass_context
def lacking(_context: Context, code: str) -> str:
    """What the evidence of a consent lacks, as a sentence.

    With the context, because a page that names a code itself would have its sentence in English for good otherwise.
    """
    return LACKING.get(code, code)


def word(code: object, kind: str) -> Word:
    """What a code means; a code that we do not know stands for itself."""
    text = str(getattr(code, "value", code))
    if text.endswith(RELEASED):
        plain = word(text.removesuffix(RELEASED), kind)
        return Word(f"{plain.label} ✓", "teal", gettext("%(why)s Compliance released this hold.", why=plain.meaning))
    return WORDS[kind].get(text) or Word(text.replace("_", " "))
