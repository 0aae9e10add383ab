"""The mails of this stage: neutral, without any word that somebody typed, in German and English.

Courts took a confirmation mail for advertising as soon as it carried any. So: who asked for what and when, one link,
what happens without it, and the imprint.
"""

from delivery import Notice, notice_draft

# Part of the evidence: a new wording is a new version.
CONFIRMATION_VERSION = "confirmation-2"

CONFIRMATION = Notice(
    name="double_opt_in",
    texts=frozenset({"asked_at", "reference"}),
    urls=frozenset({"confirm_url"}),
    drafts={
        "de": notice_draft(
            "de",
            "Bitte bestätigen Sie Ihre Anmeldung",
            "Guten Tag,",
            "am {{ asked_at }} wurde diese Adresse für E-Mails von {{ sender.company }} angemeldet. Erst mit Ihrer"
            " Bestätigung schreiben wir Ihnen:",
            '<a href="{{ confirm_url }}">Anmeldung ansehen und bestätigen</a>',
            "Haben Sie sich nicht angemeldet? Dann tun Sie nichts: Ohne Bestätigung kommen keine weiteren E-Mails,"
            " und Ihre Adresse wird nach sieben Tagen gelöscht.",
            "Fragen beantwortet {{ sender.address }}. Nummer dieser Anmeldung: {{ reference }}",
        ),
        "en": notice_draft(
            "en",
            "Please confirm your sign-up",
            "Hello,",
            "on {{ asked_at }} this address was signed up for e-mails from {{ sender.company }}. We write to you only"
            " after you have confirmed it:",
            '<a href="{{ confirm_url }}">Look at the sign-up and confirm it</a>',
            "You did not sign up? Then do nothing: without a confirmation you get no further mail, and your address is"
            " deleted after seven days.",
            "Questions are answered by {{ sender.address }}. Number of this sign-up: {{ reference }}",
        ),
    },
)

FRESH_LINK = Notice(
    name="fresh_link",
    urls=frozenset({"preferences_url"}),
    drafts={
        "de": notice_draft(
            "de",
            "Ihr neuer Link",
            "Guten Tag,",
            "hier ist der Link zu Ihren Einstellungen und zu den Daten, die {{ sender.company }} von Ihnen hat:",
            '<a href="{{ preferences_url }}">Einstellungen öffnen</a>',
            "Er wurde auf der Einstellungsseite angefordert. Waren Sie das nicht, so tun Sie nichts.",
        ),
        "en": notice_draft(
            "en",
            "Your new link",
            "Hello,",
            "here is the link to your preferences, and to the data that {{ sender.company }} holds about you:",
            '<a href="{{ preferences_url }}">Open the preferences</a>',
            "Somebody asked for it on the preference page. If that was not you, do nothing.",
        ),
    },
)
