"""Short mails to colleagues: in their language where there is one, and about one thing once."""

import email

from sqlalchemy import select

from contacts.models import Controller
from core.db import transaction
from delivery import Notice, notice_draft, tell
from delivery.models import Sender
from tests.delivery.sending import rows, worker
from tests.factories import sender

NOTICE = Notice(
    name="late",
    drafts={
        "en": notice_draft("en", "It is late", "See {{ what }}:", '<a href="{{ url }}">Look</a>'),
        "de": notice_draft("de", "Es ist spät", "Siehe {{ what }}:", '<a href="{{ url }}">Ansehen</a>'),
    },
    texts=frozenset({"what"}),
    urls=frozenset({"url"}),
)


def told(name: str, locale: str, occurrence: int) -> bool:
    with transaction() as session:
        who, controller = session.execute(select(Sender, Controller).join(Controller)).one()
        values = {"what": "<b>the list</b>", "url": "https://shop.example/lists"}
        to = f"{name}@mail.example"
        return bool(
            tell(
                session,
                NOTICE,
                to=to,
                locale=locale,
                sender=who,
                controller=controller,
                occurrence=occurrence,
                values=values,
            )
        )


def html(mail):
    return email.message_from_bytes(mail.content).get_payload(1).get_payload(decode=True)


def test_a_colleague_is_told_once_and_in_a_known_language(sink):
    with transaction() as session:
        sender(session)
    asked = [("ada", "de", 1), ("ada", "de", 1), ("ada", "de", 2), ("ben", "fr", 1)]
    assert [told(*one) for one in asked] == [True, False, True, True]
    worker().run()
    german = sorted((mail.recipient, b"Siehe &lt;b&gt;the" in html(mail)) for mail in sink.taken)
    assert german == [("ada@mail.example", True), ("ada@mail.example", True), ("ben@mail.example", False)]
    assert rows("SELECT count(*) FROM run WHERE name LIKE 'late/%'") == [(2,)]
