"""A campaign that is ready for its check, and the people who take it further."""

from pathlib import Path

from sqlalchemy import text

from app.apply import apply_folder
from campaigns import approve, check_campaign, launch, lock, submit
from campaigns.models import Campaign
from campaigns.tasks import close_finished, materialise
from core import users
from core.db import transaction
from core.permissions import Role
from core.users import Actor
from delivery.worker import Worker
from tests.factories import people

CONFIGURATION = """
controllers:
  - {code: shop, name: Shop, imprint: "Shop GmbH, Wien", country: AT}
senders:
  - {code: news, controller: shop, from_name: Shop, from_address: news@shop.example}
segments:
  - {code: everyone, name: Everyone, definition: {all: []}}
templates:
  - {code: autumn, name: Autumn, subject: "SUBJECT", markup: html, body: "<p>Hello {{ contact.first_name }}</p>"}
campaigns:
  - {code: autumn, name: Autumn, segment: everyone, template: autumn, sender: news, author: marta@shop.example}
"""


def configure(folder: Path, *, subject: str = "Leaves fall") -> None:
    (folder / "all.yaml").write_text(CONFIGURATION.replace("SUBJECT", subject))
    with transaction() as session:
        apply_folder(session, folder=folder, actor="apply")


def somebody(role: Role, name: str) -> Actor:
    with transaction() as session:
        users.add(session, email=f"{name}@shop.example", role=role)
        return users.actor(session, f"{name}@shop.example")


def with_people(*names: str, **values: object) -> None:
    with transaction() as session:
        people(session, list(names), **values)


def check() -> dict:
    with transaction() as session:
        return check_campaign(session, campaign=lock(session, "autumn"), actor="test")


def submitted_by(actor: Actor) -> None:
    with transaction() as session:
        submit(session, campaign=lock(session, "autumn"), actor=actor)


def approved_by(actor: Actor) -> None:
    with transaction() as session:
        approve(session, campaign=lock(session, "autumn"), actor=actor)


def launched_by(actor: Actor) -> None:
    with transaction() as session:
        launch(session, campaign=lock(session, "autumn"), actor=actor)


def work_until_done() -> None:
    """What the background processes do, in this one."""
    while materialise.verb():
        pass
    worker = Worker()
    while worker.run():
        pass
    worker.close()
    close_finished.verb()


def campaign() -> Campaign:
    with transaction() as session:
        found = lock(session, "autumn")
        session.expunge(found)
        return found


def rows(sql: str, **values: object) -> list:
    with transaction() as session:
        return list(session.execute(text(sql), values).all())
