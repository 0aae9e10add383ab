"""A bundle about a whole campaign: the plan, the approvals, each message with its decisions, and what proves them.

It is made in two steps. First an anchor is signed, which covers everything that was decided so far. Then all of it is
read from one snapshot, up to the link of each chain that the anchor names, and written to the disk row by row.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import campaigns
from app.evidence.bundle import VERIFIERS, chain_files, head
from app.evidence.campaign_facts import facts
from app.evidence.campaign_rows import batches, message_lines, sealed_lines
from app.evidence.excerpts import excerpt, runs
from app.evidence.folder import Folder
from app.evidence.paper import on_paper
from app.evidence.printed import LANGUAGES, named, printed
from app.evidence.subject import rules_named
from app.evidence.time_stamps import stamp_newest
from core import audit
from core.cli import dump
from core.db import transaction
from core.evidence_anchors import anchor, newest
from delivery.models import Message, Run
from suppression.models import CHAIN

CHAIN_FILE = "chains/decision.jsonl"


@dataclass(frozen=True)
class Made:
    """What was written: messages, files, and bytes."""

    messages: int
    bytes: int


def write_campaign(
    to: Path,
    *,
    campaign: str,
    actor: str,
    with_addresses: bool = False,
    said: Callable[[int, int], None] = lambda _done, _all: None,
) -> Made:
    """Write the bundle into a new folder. `said` is told how many messages are written, and of how many.

    Without `with_addresses` people stand in it by number only. It opens its transactions itself: one to write down that
    it is made and to sign an anchor, one that reads.
    """
    with transaction() as session:
        found = campaigns.find(session, campaign)
        folder = Folder(to)
        audit.record(
            session,
            actor=actor,
            action="evidence.export",
            object_type="campaign",
            object_id=found.id,
            with_addresses=with_addresses,
            rows=session.scalar(select(func.count()).where(Message.run_id == found.run_id)),
        )
        anchor(session)
    stamp_newest()
    with transaction() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        session.execute(text("SET TRANSACTION READ ONLY"))
        return _write(session, folder, code=campaign, about=head(actor), clear=with_addresses, said=said)


def _write(
    session: Session,
    folder: Folder,
    *,
    code: str,
    about: dict[str, str],
    clear: bool,
    said: Callable[[int, int], None],
) -> Made:
    campaign = campaigns.find(session, code)
    run = session.get(Run, campaign.run_id) if campaign.run_id else None
    # An anchor was signed a moment ago, so whatever this snapshot sees up to it is covered.
    covered = _covered(session)
    upto = covered.get(CHAIN.name, 0)
    numbers = batches(session, run_id=run.id, upto=upto) if run else {}
    found = facts(session, campaign, batches=numbers, covered=covered)
    found["rules"] = rules_named(session, found["rules"])
    folder.put(_story(found, run, about))
    written = 0
    if run and numbers:
        total = sum(found["counts"]["states"].values())
        lines = message_lines(
            session, run_id=run.id, upto=upto, clear=clear, said=lambda done: said(min(done, total), total)
        )
        written = folder.put_lines("messages.jsonl", lines)
        folder.put_lines(CHAIN_FILE, sealed_lines(session, run_id=run.id, numbers=list(numbers)))
    folder.put(chain_files(session, _chains(session, found, set(numbers.values()))))
    return Made(messages=written, bytes=folder.close(about))


def _covered(session: Session) -> dict[str, int]:
    """The last link of each chain that the newest anchor names."""
    last = newest(session)
    return {name: end["seq"] for name, end in last.content["chains"].items()} if last else {}


def _story(found: dict[str, Any], run: Run | None, about: dict[str, str]) -> dict[str, bytes]:
    files = {"campaign.json": dump({"about": about} | found).encode()}
    files |= {path.name: path.read_bytes() for path in VERIFIERS}
    if run:
        # The spelling that its digest is over.
        content = json.dumps(run.content, sort_keys=True, ensure_ascii=False).encode()
        files[f"proofs/{sha256(content).hexdigest()}.json"] = content
    for locale in LANGUAGES:
        page = printed("campaign", locale=locale, found=found, about=about)
        files[named("index.html", locale)] = page
        files[named("index.pdf", locale)] = on_paper(page, at=datetime.fromisoformat(about["made_at"]))
    return files


def _chains(session: Session, found: dict[str, Any], decided: set[int]) -> dict[str, dict[str, Any]]:
    """What proves the approvals and the lines of the log; of the decisions only the links, for their rows are many."""
    wanted = {"approval": [one["id"] for one in found["approvals"]], "audit": [one["id"] for one in found["log"]]}
    shown = {name: excerpt(session, name, ids) for name, ids in wanted.items() if ids}
    if decided:
        links = runs(session, CHAIN.name, decided)
        columns = {"columns": list(CHAIN.columns), "beside": list(CHAIN.beside.columns) if CHAIN.beside else []}
        shown[CHAIN.name] = {"chain": CHAIN.name, **columns, "runs": links, "batches": []}
    return shown
