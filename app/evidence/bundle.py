"""A bundle of evidence: files with a signed list of their digests, to be checked without us by `verify.py` in it."""

import zipfile
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evidence.folder import entry, make_empty, manifest
from app.evidence.paper import on_paper
from app.evidence.printed import LANGUAGES, named, printed
from app.evidence.stamp_files import stamp_files, upto_stamps
from app.evidence.subject import Subject, gather
from core import audit, clock, signing
from core.cli import dump
from core.evidence_anchors import EvidenceAnchor, as_file

# What goes into every bundle, so that it can be checked without us.
VERIFIERS = tuple(
    Path(__file__).with_name(name) for name in ("verify.py", "verify_campaign.py", "verify_time_stamp.py")
)
FORMAT = "crusoe-evidence-1"


def bundle(
    session: Session, *, address: str, actor: str, campaign: str | None = None, consent: str | None = None
) -> dict[str, bytes]:
    """The files of a bundle by their path in it. That it was made is written down in the audit log."""
    address_id, subject = gather(session, address=address, campaign=campaign, consent=consent)
    audit.record(
        session,
        actor=actor,
        action="evidence.export",
        object_type="address",
        object_id=address_id,
        campaign=campaign,
        consent=consent,
    )
    about = head(actor)
    files = _content(subject, about) | chain_files(session, subject.chains)
    return files | manifest([entry(path, content) for path, content in files.items()], about)


def head(actor: str) -> dict[str, str]:
    """What every bundle says about itself."""
    made_at = clock.now().isoformat(timespec="seconds")
    return {"format": FORMAT, "made_at": made_at, "made_by": actor, "public_key": signing.public_key().hex()}


def _content(subject: Subject, about: dict[str, str]) -> dict[str, bytes]:
    told = {
        "about": about | {"address": subject.address, "campaign": subject.campaign},
        "consents": subject.consents,
        "objections": subject.objections,
        "messages": subject.messages,
        "rules": subject.rules,
    }
    files = {"evidence.json": dump(told).encode()} | {path.name: path.read_bytes() for path in VERIFIERS}
    for locale in LANGUAGES:
        page = printed("evidence", locale=locale, subject=subject, about=about)
        files[named("index.html", locale)] = page
        files[named("index.pdf", locale)] = on_paper(page, at=datetime.fromisoformat(about["made_at"]))
    return files | {f"proofs/{name}": content for name, content in subject.proofs.items()}


def chain_files(session: Session, chains: Mapping[str, dict[str, Any]]) -> dict[str, bytes]:
    """Excerpts of chains, the anchors to which they lead, and the time stamps of these."""
    numbers = {run["anchor"] for chain in chains.values() for run in chain["runs"]}
    wanted = numbers | upto_stamps(session, numbers)
    anchors = session.scalars(select(EvidenceAnchor).where(EvidenceAnchor.seq.in_(wanted))).all()
    return (
        {f"anchors/{one.seq:06}.json": as_file(one) for one in anchors}
        | stamp_files(session, wanted)
        | {f"chains/{name}.json": dump(chain).encode() for name, chain in chains.items()}
    )


def write(files: Mapping[str, bytes], *, to: Path) -> None:
    """Write a bundle into a new or empty folder; WrongInput when something lies there already."""
    make_empty(to)
    for path, content in files.items():
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_bytes(content)


def packed(files: Mapping[str, bytes]) -> bytes:
    """A bundle as one ZIP file, for the browser."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return file.getvalue()
