"""The page of the ways out: which work, which rest and why, and nothing that is secret."""

from sqlalchemy import update

from core.db import transaction
from core.permissions import Role
from core.users import User
from delivery import TransportPlan, save_transport
from tests.delivery.sending import rows
from tests.factories import sender


def test_the_page_says_which_ways_rest_and_why(person):
    with transaction() as session:
        sender(session, "ways")
        for code, kind, settings in (("api", "mailgun", {"domain": "mg.example"}), ("spare", "smtp", {})):
            url = "smtp://spare.example" if kind == "smtp" else ""
            secrets = {"secret": "hunter-2", "hook_secret": "hunter-3"}
            plan = TransportPlan(code=code, sender="ways", kind=kind, url=url, settings=settings, **secrets)
            save_transport(session, plan=plan)
    client = person(Role.MARKETER)
    assert client.get("/transports").text.count(">works</span>") == 2
    rows("UPDATE transport SET away_since = now(), away_text = '401 <b>no' WHERE code = 'api' RETURNING 1")
    shown = client.get("/transports?state=away").text
    assert ">rests</span>" in shown
    assert "401 &lt;b&gt;no" in shown
    assert "/hooks/mailgun/api" in shown
    assert "spare.example" not in shown
    assert "hunter" not in shown
    assert 'href="/transports"' in client.get("/senders/").text
    with transaction() as session:
        session.execute(update(User).values(locale="de"))
    german = client.get("/transports").text
    assert ">ruht</span>" in german
    assert ">arbeitet</span>" in german
    assert client.get("/contacts/").status_code == 200
