"""The backup of the night, made by a process of its own: it may take long, and workers have mail to send."""

import subprocess
import sys
from pathlib import Path

import structlog

import app
from app.backup import keeping
from core.errors import NotAllowed
from core.settings import settings
from core.tasks import job

log = structlog.get_logger()

_running: list[subprocess.Popen[bytes]] = []


@job("app.backup", every=60, alone=True)
def back_up() -> bool:
    """Begin the backup of the night when its hour has come and none is being made."""
    _running[:] = [one for one in _running if one.poll() is None]
    if _running or not keeping.due():
        return False
    try:
        with keeping.alone():
            pass
    except NotAllowed:
        return False
    log.info("backup_begins", folder=str(keeping.folder()))
    keep = str(settings().backup_keep)
    command = [sys.executable, "-P", "-m", "app", "backup", "make", f"{keeping.folder()}/", "--keep", keep]
    _running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=Path(app.__file__).parent.parent))
    return False
