"""A real installation with a company and a campaign to everybody, made by the commands that people use."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.demo.commands import run
from core import db, keys
from core.db import transaction
from core.errors import NotReachable
from core.settings import settings
from tests.faults.company import AUTHOR, EDITOR, RELEASER, Company, write
from tests.faults.installation import Installation, prepare
from tests.smtp_sink import Sink

# Seconds before what a server put off is tried again; spread by a fifth.
RETRY_AFTER = 2.0


@contextmanager
def environment(installation: Installation) -> Iterator[None]:
    """This process runs commands, looks into the same database and makes tokens with the same keys."""
    before = dict(os.environ)
    os.environ.pop("DATABASE_URL", None)
    os.environ.update({name: value for name, value in installation.environment.items() if name.startswith("CRUSOE_")})
    forget()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        forget()


def forget() -> None:
    settings.cache_clear()
    keys.keys.cache_clear()
    db.forget_engine()


@contextmanager
def installed(folder: Path, sink: Sink) -> Iterator[Installation]:
    """A fresh installation in this folder that sends to this server."""
    made = prepare(folder / "home", smtp_url=sink.url, CRUSOE_RETRY_AFTER=str(RETRY_AFTER))
    with environment(made):
        try:
            made.start()
            yield made
        finally:
            db.forget_engine()
            made.stop()


def get_ready(folder: Path, *, people: int, country: str = "DE", editor: bool = True) -> Company:
    """Everything up to the launch, by the commands that people use. Without `editor` there is one already."""
    company = write(folder, people=people, country=country)
    colleagues = ((AUTHOR, "marketer"), (RELEASER, "releaser"), *([(EDITOR, "compliance")] if editor else []))
    for email, role in colleagues:
        run("user", "add", email, "--role", role, "--password", "a long password")
    run("apply", str(folder))
    for what in ("contacts", "consents", "optouts"):
        run("import", what, str(folder / f"{what}.csv"))
    run("campaign", "check", "letter")
    run("campaign", "submit", "letter", "--as", AUTHOR)
    run("campaign", "approve", "letter", "--as", RELEASER)
    return company


def launch() -> int:
    """Begin; answers the run's id."""
    run("campaign", "launch", "letter", "--as", AUTHOR)
    with transaction() as session:
        run_id = session.scalar(text("SELECT max(id) FROM run WHERE kind = 'campaign'"))
    assert run_id is not None
    return int(run_id)


def run_state(run_id: int) -> str | None:
    try:
        with transaction() as session:
            return session.scalar(text("SELECT state FROM run WHERE id = :run"), {"run": run_id})
    except (NotReachable, DBAPIError):
        return None


def wait_until_over(run_id: int, *, seconds: float) -> float:
    """Wait until the run is done; answers how long that took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds and run_state(run_id) != "done":
        time.sleep(0.5)
    return time.monotonic() - begun
