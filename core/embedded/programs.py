"""Programs of PostgreSQL that are called against the database of this installation, whichever it is."""

import os
import shutil
from pathlib import Path

from psycopg.pq import Conninfo
from sqlalchemy import make_url

from core.embedded.postgres import environment, programs
from core.errors import NotReachable
from core.sentences import say


def program(name: str) -> str:
    """The path of `pg_dump`, `pg_restore` or `psql`: from the wheel, else the system's own."""
    try:
        found: str | None = str(programs() / name)
    except NotReachable:
        found = shutil.which(name)
    if found is None or not Path(found).exists():
        raise NotReachable(
            "program_missing", say("There is no %(name)s here.", name=name), say("Install the clients of PostgreSQL.")
        )
    return found


def connecting(database_url: str) -> dict[str, str]:
    """The environment in which they reach the database: a password on a command line would be everybody's to see."""
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = Conninfo.parse(plain.encode())
    named = {one.envvar.decode(): one.val.decode() for one in options if one.envvar and one.val}
    return (
        environment()
        | named
        | {"PGAPPNAME": "crusoe-backup", "PGCONNECT_TIMEOUT": "10", "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")}
    )
