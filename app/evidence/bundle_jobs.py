"""Bundles about campaigns in the background: asked for on a page, made by a worker, kept for some days as ZIP files."""

import shutil
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.evidence.campaign_bundle import write_campaign
from app.evidence.models import BundleJob, BundleState
from campaigns.models import Campaign
from core import clock
from core.db import transaction
from core.errors import CrusoeError, NotFound
from core.sentences import kept, say
from core.settings import settings
from core.tasks import ring
from core.users import Actor

JOB = "app.make_bundles"

KEPT = timedelta(days=7)
# What ended its worker so often would end the next one, too.
MOST_ATTEMPTS = 3
OPEN = (BundleState.WAITING, BundleState.RUNNING)

WORKER_LOST = {
    "code": "worker_lost",
    "message": kept(say("The worker that made this bundle was lost %(count)s times.", count=MOST_ATTEMPTS)),
    "remedy": "",
    "where": "",
}


@dataclass(frozen=True)
class Taken:
    """A bundle that is to be made now."""

    id: int
    campaign: str
    asked_by: str
    with_addresses: bool


def folder() -> Path:
    """Where finished bundles lie, readable by the owner only."""
    path = settings().home / "bundles"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def file_of(bundle_id: int) -> Path:
    """The file of one bundle."""
    return folder() / f"{bundle_id}.zip"


def ask(session: Session, campaign: Campaign, *, with_addresses: bool, actor: Actor) -> BundleJob:
    """Have a bundle made."""
    job = BundleJob(campaign_id=campaign.id, with_addresses=with_addresses, asked_by=actor.email)
    session.add(job)
    session.flush()
    ring(session, JOB)
    return job


def find(session: Session, campaign: Campaign, bundle_id: int) -> BundleJob:
    """The bundle with this number, if it is about this campaign."""
    job = session.get(BundleJob, bundle_id)
    if job is None or job.campaign_id != campaign.id:
        raise NotFound("bundle_unknown", say("There is no bundle %(number)s.", number=bundle_id))
    return job


def bundles(session: Session, campaign: Campaign) -> list[BundleJob]:
    """Those about a campaign, the newest first."""
    asked = select(BundleJob).where(BundleJob.campaign_id == campaign.id).order_by(BundleJob.id.desc()).limit(20)
    return list(session.scalars(asked))


def take(session: Session) -> Taken | None:
    """The next bundle to make. One worker at a time makes bundles, so one that is running was left by a lost worker."""
    often = update(BundleJob).where(BundleJob.state == BundleState.RUNNING, BundleJob.attempts >= MOST_ATTEMPTS)
    session.execute(often.values(state=BundleState.FAILED, ended_at=func.now(), error=WORKER_LOST))
    row = session.execute(
        select(BundleJob, Campaign.code)
        .join(Campaign, Campaign.id == BundleJob.campaign_id)
        .where(BundleJob.state.in_(OPEN))
        .order_by(BundleJob.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    job: BundleJob = row.BundleJob
    job.state, job.attempts, job.messages_done = BundleState.RUNNING, job.attempts + 1, 0
    return Taken(id=job.id, campaign=row.code, asked_by=job.asked_by, with_addresses=job.with_addresses)


def make(taken: Taken) -> None:
    """Make it and write down what came of it."""
    raw = folder() / f"{taken.id}.unfinished"
    shutil.rmtree(raw, ignore_errors=True)
    try:
        write_campaign(
            raw,
            campaign=taken.campaign,
            actor=taken.asked_by,
            with_addresses=taken.with_addresses,
            said=_Progress(taken.id),
        )
        _pack(raw, to=file_of(taken.id))
    except CrusoeError as error:
        said = {name: kept(getattr(error, name)) for name in ("code", "message", "remedy", "where")}
        _write(taken.id, state=BundleState.FAILED, ended_at=clock.now(), error=said)
    else:
        _write(taken.id, state=BundleState.DONE, ended_at=clock.now(), bytes=file_of(taken.id).stat().st_size)
    finally:
        shutil.rmtree(raw, ignore_errors=True)


def tidy() -> int:
    """Remove files that are older than they are kept, and what lost workers left; answers how many."""
    until = (clock.now() - KEPT).timestamp()
    old = [path for path in folder().iterdir() if path.stat().st_mtime < until]
    for path in old:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(old)


class _Progress:
    """Writes down once a second how far it is."""

    def __init__(self, bundle_id: int) -> None:
        self._id = bundle_id
        self._next = 0.0

    def __call__(self, done: int, messages: int) -> None:
        if monotonic() >= self._next or done == messages:
            _write(self._id, messages_done=done, messages_all=messages)
            self._next = monotonic() + 1


def _write(bundle_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(update(BundleJob).where(BundleJob.id == bundle_id).values(**values))


def _pack(source: Path, *, to: Path) -> None:
    """The folder as one file, which appears only when it is whole."""
    unfinished = to.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(source).as_posix())
    unfinished.rename(to)
