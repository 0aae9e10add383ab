"""The time stamps of anchors as files: `anchors/000012.json.tsr` in the home, and in bundles."""

import os
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evidence.models import TimeStamp
from core.evidence_anchors import EvidenceAnchor, file_of, folder


def stamp_of(anchor: int) -> Path:
    """The file of the time stamp of one anchor."""
    return file_of(anchor).with_suffix(".json.tsr")


def write_stamp(anchor: int, answer: bytes) -> None:
    """Write the file of a time stamp unless there is one. What is there is left alone, so that a change is found."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder() / f".{anchor:06}-{os.getpid()}.tsr"
    unfinished.write_bytes(answer)
    try:
        os.link(unfinished, stamp_of(anchor))
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()


def stamp_files(session: Session, anchors: Collection[int]) -> dict[str, bytes]:
    """For a bundle: what the service answered, or what somebody fetched by hand and put beside the anchor."""
    rows = session.scalars(select(TimeStamp).where(TimeStamp.anchor.in_(anchors)))
    kept = {row.anchor: row.answer for row in rows}
    by_hand = {one: stamp_of(one).read_bytes() for one in anchors if one not in kept and stamp_of(one).is_file()}
    return {f"anchors/{stamp_of(one).name}": answer for one, answer in (kept | by_hand).items()}


def upto_stamps(session: Session, anchors: Collection[int]) -> set[int]:
    """The anchors between these and the next one with a time stamp: each names the one before, so it covers them."""
    stamped = sorted(session.scalars(select(TimeStamp.anchor)))
    made = session.scalars(select(EvidenceAnchor.seq).order_by(EvidenceAnchor.seq)).all()
    found: set[int] = set()
    for one in anchors:
        next_one = next((number for number in stamped if number >= one), None)
        if next_one is not None:
            found |= {number for number in made if one < number <= next_one}
    return found
