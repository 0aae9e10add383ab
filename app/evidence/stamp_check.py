"""Whether time stamps are as the service made them: with OpenSSL, which is faster than the script in the bundles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evidence import verify_time_stamp
from app.evidence.models import TimeStamp
from app.evidence.stamp_files import stamp_of
from app.evidence.verify_time_stamp import Broken, Certificate, Unknown
from core import evidence_anchor_check
from core.audit import AuditEvent
from core.errors import WrongInput
from core.evidence import Finding
from core.evidence_anchors import EvidenceAnchor, as_file, folder
from core.sentences import say
from core.settings import settings


@dataclass(frozen=True)
class Stamped:
    """What a time stamp says: when, whose certificate signed it, and the digest of that certificate."""

    at: datetime
    signer: str
    certificate: str


def check(content: bytes, answer: bytes, *, nonce: int | None = None) -> Stamped:
    """Check the answer of a service about this content; ValueError says what is wrong with it.

    With roots in CRUSOE_TIMESTAMP_CA the certificate must go back to one of them, as of the moment of the stamp.
    `nonce`: the number in the question, which the answer has to repeat.
    """
    try:
        told = verify_time_stamp.check(content, answer, _fits)
    except (Broken, Unknown) as error:
        raise ValueError(str(error)) from error
    if settings().timestamp_ca is not None or nonce is not None:
        _check_with_library(content, answer, nonce=nonce)
    return Stamped(at=datetime.fromisoformat(told["at"]), signer=told["by"], certificate=told["certificate"])


def verify_everything(session: Session) -> list[Finding]:
    """What the chains and the anchors show, and their time stamps besides."""
    return evidence_anchor_check.verify(session) + list(verify_stamps(session))


def verify_stamps(session: Session) -> Iterable[Finding]:
    """Check every stored stamp, the files of stamps, and that none is gone which the audit log names."""
    kept = {row.anchor: row for row in session.scalars(select(TimeStamp).order_by(TimeStamp.anchor))}
    files = {path.name: path for path in sorted(folder().glob("*.json.tsr"))}
    for anchor in session.scalars(select(EvidenceAnchor).order_by(EvidenceAnchor.seq)):
        row, path = kept.get(anchor.seq), files.pop(stamp_of(anchor.seq).name, None)
        if row is not None:
            yield from _stored(anchor, row, path)
        elif path is not None:
            yield from _wrong(anchor, path.read_bytes())
    for path in files.values():
        yield _finding(0, say("there is a time stamp %(path)s, but no anchor in the database", path=path))
    noted = select(AuditEvent.object_id, AuditEvent.details["sha256"].astext)
    for number, digest in session.execute(noted.where(AuditEvent.action == "evidence.time_stamp")):
        there = kept.get(int(number))
        if there is None or sha256(there.answer).hexdigest() != digest:
            yield _finding(int(number), say("the audit log knows another time stamp of this anchor"))


def _stored(anchor: EvidenceAnchor, row: TimeStamp, path: Path | None) -> Iterable[Finding]:
    yield from _wrong(anchor, row.answer, at=row.at)
    if path is None:
        yield _finding(anchor.seq, say("the file of its time stamp is missing"))
    elif path.read_bytes() != row.answer:
        yield _finding(anchor.seq, say("the file of its time stamp says something else"))


def _wrong(anchor: EvidenceAnchor, answer: bytes, *, at: datetime | None = None) -> Iterable[Finding]:
    try:
        stamped = check(as_file(anchor), answer)
    except ValueError as error:
        yield _finding(anchor.seq, say("its time stamp does not fit: %(why)s", why=str(error)))
    else:
        if at is not None and at != stamped.at:
            yield _finding(anchor.seq, say("its time stamp names another moment"))


def _fits(certificate: Certificate, name: str, content: bytes, signature: bytes) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    digest = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[name]
    try:
        key = x509.load_der_x509_certificate(certificate.whole).public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size >= verify_time_stamp.SHORTEST_RSA:
            key.verify(signature, content, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, content, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_with_library(content: bytes, answer: bytes, *, nonce: int | None) -> None:
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    read = decode_timestamp_response(answer)
    if nonce is not None and read.tst_info.nonce != nonce:
        raise ValueError("answers another question")
    if settings().timestamp_ca is None:
        return
    given = [x509.load_der_x509_certificate(one) for one in read.signed_data.certificates]
    verifier = VerifierBuilder(roots=_roots(), intermediates=given).build()
    try:
        verifier.verify_message(read, content)
    except VerificationError as error:
        raise ValueError("comes from nobody that CRUSOE_TIMESTAMP_CA names") from error


def _roots() -> list[Any]:
    from cryptography import x509

    path = settings().timestamp_ca
    try:
        return x509.load_pem_x509_certificates(Path(path or "").read_bytes())
    except (OSError, ValueError) as error:
        raise WrongInput(
            "timestamp_ca_unreadable",
            say("%(path)s holds no certificates.", path=path),
            say("Name a PEM file with the roots of the service for time stamps."),
            where="CRUSOE_TIMESTAMP_CA",
        ) from error


def _finding(seq: int, what: str) -> Finding:
    return Finding(evidence_anchor_check.NAME, seq, what)
