"""Anchors: signed notes of where every chain of evidence stood, made once a day and kept in two places.

A chain shows by itself that something in it was changed, but not that its end was cut off, and who can write to the
database could compute a whole new one. An anchor is signed with a key that is not in the database, names the end of
every chain and the anchor before it, and lies in the home as a file as well. The audit log says that it was made.
"""

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import audit, clock, signing
from core.db import Base, Moment, after_commit
from core.evidence import EvidenceBatch
from core.settings import settings

EVERY = timedelta(days=1)
NOTHING = "0" * 64


class EvidenceAnchor(Base):
    """One anchor. `document` is what was signed, letter by letter. Never updated, never deleted."""

    __tablename__ = "evidence_anchor"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[Moment]
    document: Mapped[str]
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def digest(self) -> str:
        """SHA-256 of the document, as the next anchor and the audit log name it."""
        return sha256(self.document.encode()).hexdigest()

    @property
    def content(self) -> dict[str, Any]:
        """What the document says: `anchor`, `at`, `previous`, `chains` (name → `seq` and `hash`)."""
        said: dict[str, Any] = json.loads(self.document)
        return said


@dataclass(frozen=True)
class Head:
    """Where a chain stands: the number and the hash of its last link."""

    chain: str
    seq: int
    hash: str


def heads(session: Session) -> list[Head]:
    """The end of every chain that has one, by name."""
    rows = session.execute(
        select(EvidenceBatch.chain, EvidenceBatch.seq, EvidenceBatch.hash)
        .ext(distinct_on(EvidenceBatch.chain))
        .order_by(EvidenceBatch.chain, EvidenceBatch.seq.desc())
    )
    return [Head(row.chain, row.seq, row.hash.hex()) for row in rows]


def anchor(session: Session) -> EvidenceAnchor:
    """Make an anchor of this moment; its file is written once the transaction is stored."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('evidence:anchor'))"))
    last = newest(session)
    moment = clock.now()
    said = {
        "anchor": last.seq + 1 if last else 1,
        "at": moment.isoformat(timespec="seconds"),
        "previous": last.digest if last else NOTHING,
        "chains": {head.chain: {"seq": head.seq, "hash": head.hash} for head in heads(session)},
    }
    document = json.dumps(said, sort_keys=True, separators=(",", ":"))
    made = EvidenceAnchor(
        seq=said["anchor"],
        at=moment,
        document=document,
        signature=signing.sign(document.encode()),
        public_key=signing.public_key(),
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor="system",
        action="evidence.anchor",
        object_type="evidence_anchor",
        object_id=made.seq,
        sha256=made.digest,
    )
    after_commit(session, lambda: write_copy(made))
    return made


def newest(session: Session) -> EvidenceAnchor | None:
    """The last anchor that was made."""
    return session.scalar(select(EvidenceAnchor).order_by(EvidenceAnchor.seq.desc()).limit(1))


def anchor_if_due(session: Session) -> bool:
    """Make the anchor of the day unless there is one, and write its file if that is missing. Answers whether it did."""
    last = newest(session)
    if last is not None and clock.now() - last.at < EVERY:
        # The process that made it may have ended before it could write the file.
        write_copy(last)
        return False
    if last is None and not heads(session):
        return False
    anchor(session)
    return True


def folder() -> Path:
    """Where the files of this installation are."""
    return settings().home / "anchors"


def file_of(seq: int) -> Path:
    """The file of one anchor."""
    return folder() / f"{seq:06}.json"


def as_file(one: EvidenceAnchor) -> bytes:
    """An anchor as it stands in its file and in bundles: one spelling only, so that every changed byte shows."""
    parts = {"document": one.document, "signature": one.signature.hex(), "public_key": one.public_key.hex()}
    return (json.dumps(parts, sort_keys=True, separators=(",", ":")) + "\n").encode()


def write_copy(one: EvidenceAnchor) -> None:
    """Write the file of an anchor unless it is there. What is there is left alone, so that a changed one is found."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder() / f".{one.seq:06}-{os.getpid()}"
    unfinished.write_bytes(as_file(one))
    try:
        os.link(unfinished, file_of(one.seq))
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()


def set_aside_younger(session: Session) -> dict[str, str]:
    """After a restore: move files of anchors that the database does not know yet beside, once this is stored.

    Answers their names and SHA-256, which belong into the audit log: they are the proof of what was lost, and their
    numbers are given again. Without a restore such a file is a finding (see `core.evidence_anchor_check`).
    """
    last = newest(session)
    known = last.seq if last else 0
    found = [path for path in sorted(folder().glob("[0-9]*.json*")) if int(path.name.partition(".")[0]) > known]
    if found:
        beside = folder() / f"lost-{clock.now():%Y%m%d-%H%M%S}"
        after_commit(session, lambda: _move(found, beside))
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in found}


def _move(files: list[Path], beside: Path) -> None:
    beside.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in files:
        path.replace(beside / path.name)
