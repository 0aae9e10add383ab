"""What goes into a backup besides the database: the files of the home, the settings, and facts about the moment."""

import os
from collections.abc import Iterator
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock, keys
from core.evidence_anchors import heads
from core.settings import settings
from suppression import JournalPlace

DATABASE, FACTS, SETTINGS, HOME = "database.dump", "facts.json", "settings.json", "home/"
KEY_MATERIAL = ("keys.json", "dkim")

# All else in the home goes along: a folder that somebody adds later must not be forgotten here. What is left out is
# the servers' own, is of this machine, or can be made again.
LEFT_OUT = frozenset(
    {"postgres", "valkey", "run", "ready", "log", "handover", "inbox", "backups", "restored"}
    | {"supervisor.json", "supervisor.lock", "backup.json", "backup.lock", "bench.json"}
)
BLOCK = 1 << 18


def files(home: Path, *, with_keys: bool) -> Iterator[Path]:
    """The files that go along, as paths below the home, in order."""
    wanted = [path for path in home.iterdir() if path.name not in LEFT_OUT and not path.name.startswith(".")]
    for path in sorted(wanted):
        if path.name in KEY_MATERIAL and not with_keys:
            continue
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (one.relative_to(home) for one in found if one.is_file() and not one.is_symlink())


def key_files(home: Path) -> Iterator[Path]:
    """The key material of the home: without it nothing can be matched, unsealed or signed."""
    return (path for path in files(home, with_keys=True) if path.parts[0] in KEY_MATERIAL)


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """An open file as it is now; what is appended meanwhile is left for the next backup."""
    left = os.fstat(file.fileno()).st_size
    while left and (block := file.read(min(BLOCK, left))):
        left -= len(block)
        yield block


def environment() -> dict[str, str]:
    """The settings that came from outside, as they were set. Among them may be passwords of servers."""
    ours = ("DATABASE_URL", "REDIS_URL")
    hidden = {"CRUSOE_BACKUP_PASSPHRASE"}
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if (name.startswith("CRUSOE_") or name in ours) and name not in hidden
    }


def fingerprint() -> str:
    """Names the key file without telling anything of it, so that a database is not opened with the keys of another."""
    return blake2b(b"fingerprint", key=keys.keys().address[:64], digest_size=8).hexdigest()


_RUNS = """
    SELECT r.id, r.name, count(m.id) AS unsent FROM run AS r LEFT JOIN message AS m ON m.run_id = r.id
      AND m.state IN ('planned', 'ready', 'claimed', 'handing_over')
    WHERE r.kind = 'campaign' AND r.state IN ('open', 'paused') GROUP BY r.id ORDER BY r.id
"""


def facts(session: Session, *, standing: JournalPlace) -> dict[str, Any]:
    """About the moment of the snapshot that this session looks at; `standing`: the journal as it was just before."""
    return {
        "format": 1,
        "at": clock.now().isoformat(timespec="seconds"),
        "version": _version(),
        "migration": session.scalar(text("SELECT version_num FROM alembic_version")),
        "postgres": session.scalar(text("SHOW server_version")),
        "address": settings().public_url,
        "keys": fingerprint(),
        "evidence": {head.chain: {"seq": head.seq, "hash": head.hash} for head in heads(session)},
        "journal": {"number": standing.number, "bytes": standing.bytes, "at": standing.at},
        "entries": session.scalar(text("SELECT coalesce(max(id), 0) FROM suppression_entry")),
        "runs": [dict(row) for row in session.execute(text(_RUNS)).mappings()],
    }


def _version() -> str:
    try:
        return version("crusoe")
    except PackageNotFoundError:
        return "checkout"
