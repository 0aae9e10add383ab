"""Proofs: bytes kept under their SHA-256, encrypted, unchangeable, and forgotten only when nobody confirmed them.

Evidence names a proof by its digest and so covers it with its seal; the bytes stand apart, because they hold addresses
in clear and have to go when the request that they belong to was never confirmed (Art. 17(1)(a) GDPR). The key comes
from the key file: who steals the database reads none of them.
"""

import os
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.consent_models import Proof
from core.keys import keys

NONCE_BYTES = 12


@dataclass(frozen=True)
class NewProof:
    """Bytes to be kept. `subject` says what they belong to, such as `message:17`; `until` is None for good."""

    content: bytes
    subject: str
    until: datetime | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the bytes."""
        return sha256(self.content).digest()


class Kept(NamedTuple):
    """A proof by its digest (hexadecimal), with what is no secret about it."""

    sha256: str
    about: dict[str, Any]


def keep_proofs(session: Session, proofs: Sequence[NewProof]) -> list[str]:
    """Keep these exact bytes and answer their SHA-256, hexadecimal. The same bytes again are no second proof."""
    rows = [
        {
            "sha256": proof.digest,
            "subject": proof.subject,
            "about": proof.about,
            "kept_until": proof.until,
            "sealed": _seal(proof.content, proof.digest),
        }
        for proof in proofs
    ]
    if rows:
        session.execute(insert(Proof).on_conflict_do_nothing(), rows)
    return [proof.digest.hex() for proof in proofs]


def keep_for_good(session: Session, subjects: Collection[str]) -> None:
    """What belongs to these subjects was confirmed, and is not forgotten any more."""
    session.execute(
        update(Proof)
        .where(Proof.subject.in_(subjects), Proof.kept_until.is_not(None))
        .values(kept_until=None)
        .execution_options(synchronize_session=False)
    )


def forget_proofs(session: Session, *, now: datetime) -> int:
    """Remove what was kept for a while only, and answer how many that were."""
    gone = session.scalars(delete(Proof).where(Proof.kept_until < now).returning(Proof.sha256))
    return len(gone.all())


def forget_subjects(session: Session, subjects: Collection[str]) -> int:
    """Remove what belongs to these subjects and was kept for a while only; answers how many proofs that were."""
    gone = session.scalars(
        delete(Proof).where(Proof.subject.in_(subjects), Proof.kept_until.is_not(None)).returning(Proof.sha256)
    )
    return len(gone.all())


def proofs_of(session: Session, subject: str) -> list[Kept]:
    """The proofs that belong to a subject, oldest first."""
    rows = session.execute(
        select(Proof.sha256, Proof.about).where(Proof.subject == subject).order_by(Proof.created_at, Proof.sha256)
    )
    return [Kept(row.sha256.hex(), row.about) for row in rows]


def kept_of(session: Session, digests: Iterable[str]) -> set[str]:
    """Which of these digests a proof is kept of, whether or not it can still be read."""
    wanted = [bytes.fromhex(digest) for digest in digests]
    return {digest.hex() for digest in session.scalars(select(Proof.sha256).where(Proof.sha256.in_(wanted)))}


def take_out(session: Session, digests: Iterable[str]) -> dict[str, bytes]:
    """The bytes behind these digests. Absent: forgotten, or not what was kept, because they no longer fit."""
    wanted = [bytes.fromhex(digest) for digest in digests]
    rows = session.execute(select(Proof.sha256, Proof.sealed).where(Proof.sha256.in_(wanted)))
    opened = {row.sha256: _open(row.sealed, row.sha256) for row in rows}
    return {digest.hex(): content for digest, content in opened.items() if content is not None}


def _seal(content: bytes, digest: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    sealed: bytes = nonce + _cipher(keys().address).encrypt(nonce, zlib.compress(content), digest)
    return sealed


def _open(sealed: bytes, digest: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        content = zlib.decompress(_cipher(keys().address).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], digest))
    except InvalidTag:
        return None
    return content if sha256(content).digest() == digest else None


@cache
def _cipher(root: bytes) -> Any:
    # Imported late: most commands never open a proof, and OpenSSL takes a moment to load.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(blake2b(b"proof", key=root, digest_size=32).digest())
