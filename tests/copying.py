"""A filled database and home, kept as a template for the tests that begin with the same company.

Addresses are hashed with the keys of a home, so the two belong together and are copied together.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import text

from core import db, keys
from core.settings import settings

Made = TypeVar("Made")

KEPT = "template_world"


def _folder() -> Path:
    return Path(os.environ["CRUSOE_TEST_FOLDER"])


def _admin() -> psycopg.Connection[Any]:
    return psycopg.connect(host=str(_folder() / "run"), user="crusoe", dbname="postgres", autocommit=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """One process builds; the others wait for what it makes."""
    with (_folder() / "world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_kept() -> bool:
    """Whether there is a template already."""
    return (_folder() / "world.json").exists()


def is_untouched() -> bool:
    """Whether nothing was stored in the database of this test yet, so that nothing is lost by putting another there."""
    with db.engine().connect() as connection:
        return not connection.scalar(text("SELECT EXISTS (SELECT FROM user_account) OR EXISTS (SELECT FROM contact)"))


def keep(made: object) -> None:
    """Keep the database and the home of this test as they are now."""
    current = db.engine().url.database
    db.forget_engine()
    with _admin() as admin:
        admin.execute(f"CREATE DATABASE {KEPT} TEMPLATE {current} STRATEGY FILE_COPY")
    shutil.copytree(settings().home, _folder() / "world-home")
    (_folder() / "world.json").write_text(json.dumps(asdict(made)))  # type: ignore[call-overload]


def restore(kind: type[Made]) -> Made:
    """Put the kept database and home in the place of those of this test."""
    current = db.engine().url.database
    db.forget_engine()
    with _admin() as admin:
        admin.execute(f"DROP DATABASE {current} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {current} TEMPLATE {KEPT} STRATEGY FILE_COPY")
    shutil.copytree(_folder() / "world-home", settings().home, dirs_exist_ok=True)
    keys.keys.cache_clear()
    return kind(**json.loads((_folder() / "world.json").read_text()))
