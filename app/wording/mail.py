"""What becomes of a message: how it was decided, where it is, what came back."""

from flask_babel import lazy_gettext as _l

from app.wording.word import Word

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
    "reject": {
        "not_now": Word(_l("not now; may come back")),
        "no_interest": Word(_l("no interest")),
        "no_budget": Word(_l("no budget")),
        "wrong_contact": Word(_l("wrong person")),
        "already_customer": Word(_l("is a customer already")),
        "unreachable": Word(_l("could not be reached")),
    },
}
