"""A small company with something on every page: for tests of pages, routes and browsers."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, select

import campaigns
import segments
import suppression
import templates
from campaigns.tasks import materialise
from contacts.models import Contact, Purchase
from core import clock, users
from core.db import transaction
from core.permissions import Role
from core.settings import settings
from lead_handover.models import Handover, LeadState, Score, ScoreModel
from templates.models import Markup
from tests import copying, factories
from tests.browsing import PASSWORD

BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello {{ contact.first_name }}, we have new boots in the shop for the long way home this autumn.</mj-text>
<mj-button href="https://shop.example/boots">Look at them</mj-button>
</mj-column></mj-section></mj-body></mjml>"""

MAIL = b"""Delivered-To: ada@mail.example\r
From: Shop <news@shop.example>\r
To: ada@mail.example\r
Subject: New boots\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r
\r
<p style="color:teal">Hello Ada</p><a href="https://shop.example/boots">Look at them</a>\r
"""


@dataclass(frozen=True)
class World:
    """The names under which things can be found in it."""

    contact: int
    user: int
    mail: str = "00000001790000000000-000001"
    waiting: str = "autumn"
    running: str = "summer"
    segment: str = "everyone"
    template: str = "boots"
    admin: str = "admin@crew.example"


def make() -> World:
    """Fill the database of this test: built once in a run, and copied as a whole from then on."""
    with copying.one_at_a_time():
        if not copying.is_kept():
            made = _build()
            copying.keep(made)
            return made
    return copying.restore(World) if copying.is_untouched() else _build()


def _build() -> World:
    for role in Role:
        with transaction() as session:
            users.add(session, email=f"{role}@crew.example", role=role, password=PASSWORD)
    with transaction() as session:
        suppression.current(session)
        factories.sender(session)
        addresses = factories.people(session, ["ada", "bob", "cleo", "dora"])
        factories.people(session, ["emil", "fritz"], country="AT", consent=False)
        suppression.add(
            session,
            address_id=addresses["bob"],
            cause=suppression.Cause.OPTED_OUT,
            at=clock.now(),
            source="page",
            evidence={"said": "no more"},
        )
        ada = session.scalar(select(Contact.id).where(Contact.number == "ada"))
        moment = clock.now() - timedelta(days=40)
        session.execute(
            insert(Purchase).values(
                number="o-1",
                controller_id=factories.controller(session),
                contact_id=ada,
                ordered_at=moment,
                amount=99,
                objection_notice_shown=True,
            )
        )
        draft = templates.Draft(
            locale="en", subject="New boots", preheader="", markup=Markup.MJML, body=BODY, text=None
        )
        templates.save(session, code="boots", name="Boots", draft=draft, author="marketer@crew.example")
        definition = segments.parse({"all": [{"field": "number", "is_not_empty": True}]})
        segments.save(session, code="everyone", name="Everyone", definition=definition, actor="marketer@crew.example")
        model = session.scalar(
            insert(ScoreModel).values(rules={}, activated_by="admin@crew.example").returning(ScoreModel.id)
        )
        lines = [
            {
                "rule": "clicks",
                "words": "clicked a link 2 days ago",
                "points": 12.5,
                "kind": "click",
                "at": (clock.now() - timedelta(days=2)).isoformat(),
            }
        ]
        session.execute(
            insert(Score).values(contact_id=ada, points=12.5, lines=lines, model_id=model, computed_at=clock.now())
        )
        session.execute(
            insert(Handover).values(
                contact_id=ada, state=LeadState.OPEN, points=12.5, lines=lines, due_at=clock.now() + timedelta(hours=4)
            )
        )
    for code in ("summer", "autumn"):
        _submit(code)
    _launch("summer")
    inbox = settings().home / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    Path(inbox / f"{World.mail}.eml").write_bytes(MAIL)
    with transaction() as session:
        user = users.actor(session, "sales@crew.example").id
    return World(contact=ada, user=user)


def _submit(code: str) -> None:
    with transaction() as session:
        author = users.actor(session, "marketer@crew.example")
        plan = campaigns.Plan(code=code, name=code.title(), segment="everyone", template="boots", sender="news")
        campaign = campaigns.save(session, plan=plan, actor=author.email)
        campaigns.check_campaign(session, campaign=campaign, actor=author.email)
        campaigns.submit(session, campaign=campaign, actor=author)


def _launch(code: str) -> None:
    with transaction() as session:
        campaign = campaigns.find(session, code)
        campaigns.approve(session, campaign=campaign, actor=users.actor(session, "releaser@crew.example"))
        campaigns.launch(session, campaign=campaign, actor=users.actor(session, "marketer@crew.example"))
    while materialise.run():
        pass
