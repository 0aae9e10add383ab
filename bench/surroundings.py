"""An installation for the time of a measurement: PostgreSQL and Valkey as shipped, in a folder of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from core import db, keys
from core.embedded.postgres import DATABASE, USER, PostgresServer
from core.embedded.valkey import ValkeyServer
from core.settings import settings


@contextmanager
def installation() -> Iterator[PostgresServer]:
    """Start both servers in a temporary home and point this process and its children at it."""
    home = Path(tempfile.mkdtemp(prefix="crusoe-bench-"))
    home.chmod(0o755)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("CRUSOE_") or name in {"DATABASE_URL", "REDIS_URL"}]:
        del os.environ[name]
    os.environ["CRUSOE_HOME"] = str(home)
    _forget()
    postgres = PostgresServer(data=home / "postgres", sockets=settings().socket_folder)
    valkey = ValkeyServer(data=home / "valkey", socket=settings().socket_folder / "valkey.sock")
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.append(postgres.start(log=home / "postgres.log"))
        running.append(valkey.start(log=home / "valkey.log"))
        yield postgres
    finally:
        db.forget_engine()
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=60)
        os.environ.clear()
        os.environ.update(before)
        _forget()
        shutil.rmtree(home, ignore_errors=True)


def fresh_database(postgres: PostgresServer) -> None:
    """Throw the database away and make it anew: no module measures on what another left."""
    from app.migrations import upgrade

    db.forget_engine()
    with psycopg.connect(host=str(postgres.sockets), user=USER, dbname="postgres", autocommit=True) as admin:
        admin.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(DATABASE)))
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(DATABASE)))
    upgrade()


def _forget() -> None:
    settings.cache_clear()
    keys.keys.cache_clear()
    db.forget_engine()
