"""Whether the anchors are as they were made, and the chains still where the anchors say they were."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from core import evidence, signing
from core.audit import AuditEvent
from core.evidence import EvidenceBatch, Finding
from core.evidence_anchors import NOTHING, EvidenceAnchor, as_file, file_of, folder
from core.sentences import say

NAME = "anchor"


def verify(session: Session) -> list[Finding]:
    """Everything that `core.evidence.verify` finds, and what the anchors show besides. Empty: all is as it was."""
    return evidence.verify(session) + verify_anchors(session)


def verify_anchors(session: Session) -> list[Finding]:
    """Check each anchor, the row of them, the links that they name, their files, and what the audit log says."""
    anchors = session.scalars(select(EvidenceAnchor).order_by(EvidenceAnchor.seq)).all()
    sound = [one for one in anchors if _is_signed(one)]
    replaced = [_finding(one.seq, say("it was not signed by this installation")) for one in set(anchors) - set(sound)]
    return [
        *replaced,
        *_row(anchors),
        *_heads(session, sound),
        *_files(anchors),
        *_noted(session, anchors),
    ]


def _is_signed(one: EvidenceAnchor) -> bool:
    return one.public_key == signing.public_key() and signing.is_signed(one.document.encode(), one.signature)


def _row(anchors: Sequence[EvidenceAnchor]) -> Iterable[Finding]:
    expected, previous = 1, NOTHING
    for one in anchors:
        said = one.content if _is_signed(one) else {}
        if one.seq != expected:
            yield _finding(expected, say("an anchor is missing"))
        elif said and said["previous"] != previous:
            yield _finding(one.seq, say("it does not follow the anchor before it"))
        if said and said["anchor"] != one.seq:
            yield _finding(one.seq, say("it stands in the place of another anchor"))
        expected, previous = one.seq + 1, one.digest


def _heads(session: Session, anchors: Sequence[EvidenceAnchor]) -> Iterable[Finding]:
    """A link that an anchor names must be there, with the hash that it had."""
    named = {
        (chain, head["seq"]): (one.seq, head["hash"])
        for one in reversed(anchors)
        for chain, head in one.content["chains"].items()
    }
    rows = session.execute(
        select(EvidenceBatch.chain, EvidenceBatch.seq, EvidenceBatch.hash).where(
            tuple_(EvidenceBatch.chain, EvidenceBatch.seq).in_(list(named))
        )
    )
    there = {(row.chain, row.seq): row.hash.hex() for row in rows}
    for (chain, seq), (anchor, digest) in named.items():
        if (chain, seq) not in there:
            yield Finding(chain, seq, say("anchor %(anchor)s names this link, and it is not there", anchor=anchor))
        elif there[chain, seq] != digest:
            yield Finding(chain, seq, say("anchor %(anchor)s knew another link in this place", anchor=anchor))


def _files(anchors: Sequence[EvidenceAnchor]) -> Iterable[Finding]:
    """The copies in the home: one for each anchor, the same bytes, and none besides."""
    for one in anchors:
        path = file_of(one.seq)
        if not path.exists():
            yield _finding(one.seq, say("its file %(path)s is missing", path=path))
        elif path.read_bytes() != as_file(one):
            yield _finding(one.seq, say("its file %(path)s says something else", path=path))
    known = {file_of(one.seq).name for one in anchors}
    for path in sorted(folder().glob("[0-9]*.json")):
        if path.name not in known:
            yield _finding(int(path.stem), say("there is a file %(path)s, but no anchor in the database", path=path))


def _noted(session: Session, anchors: Sequence[EvidenceAnchor]) -> Iterable[Finding]:
    """The audit log names each anchor with its digest when it is made."""
    there = {str(one.seq): one.digest for one in anchors}
    rows = session.execute(
        select(AuditEvent.object_id, AuditEvent.details["sha256"].astext).where(AuditEvent.action == "evidence.anchor")
    )
    for number, digest in rows:
        if there.get(number) != digest:
            yield _finding(int(number), say("the audit log knows another anchor of this number"))


def _finding(seq: int, what: str) -> Finding:
    return Finding(NAME, seq, what)
