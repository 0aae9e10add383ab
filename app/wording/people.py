"""What is known of people: consents, leads, how they are reached and what for."""

from flask_babel import lazy_gettext as _l

from app.wording.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "lead": {
        "open": Word(_l("waiting for sales"), "yellow"),
        "accepted": Word(_l("accepted"), "green"),
        "rejected": Word(_l("rejected"), "secondary"),
        "escalated": Word(_l("overdue"), "red"),
    },
    "consent": {
        "requested": Word(_l("requested"), "secondary"),
        "mail_sent": Word(_l("confirmation mail sent"), "azure"),
        "landing_viewed": Word(_l("confirmation page seen"), "azure"),
        "confirmed": Word(_l("confirmed"), "green"),
        "withdrawn": Word(_l("withdrawn"), "red"),
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
    "tracking": {
        "none": Word(_l("nothing is recorded"), "secondary"),
        "aggregate": Word(_l("counted without a name"), "azure"),
        "individual": Word(_l("recorded by person"), "blue"),
    },
}
