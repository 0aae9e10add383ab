"""The row of an import, from the upload to its end. Who has taken one writes to it only while the token fits."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from app.imports.models import ImportJob, ImportState
from contacts.importing import Result
from core import audit
from core.errors import CrusoeError, NotFound
from core.sentences import kept, say
from core.tasks import ring
from core.users import Actor

JOB = "app.import_files"

# A worker that is alive renews every second.
LEASE = timedelta(seconds=20)
# A file that ended its worker so often would end the next one, too.
MOST_ATTEMPTS = 3

WORKER_LOST = {
    "code": "worker_lost",
    "message": kept(say("The worker that read this file was lost %(count)s times.", count=MOST_ATTEMPTS)),
    "remedy": "",
    "where": "",
}

_under_way = ImportJob.state == ImportState.RUNNING
_lost = _under_way & (ImportJob.lease_until < func.clock_timestamp())
OPEN = (ImportState.WAITING, ImportState.RUNNING)


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for. `name` is the harmless part of the file's name."""

    kind: str
    name: str
    mapping: str = ""
    encoding: str = ""
    dry_run: bool = False

    @property
    def stops_mail(self) -> bool:
        """Whether people in it may not be written to any more, so that its end waits for mail on its way."""
        return not self.dry_run and self.kind in {"optouts", "blocks", "results"}


@dataclass(frozen=True)
class Taken:
    """An import in the hands of one worker."""

    import_id: int
    token: str
    wanted: Wanted


def reserve(session: Session, wanted: Wanted, *, size: int, actor: Actor) -> ImportJob:
    """The row of a new import; the caller puts the file into its folder before the transaction ends."""
    job = ImportJob(**vars(wanted), size=size, asked_by=actor.email, user_id=actor.id)
    session.add(job)
    session.flush()
    ring(session, JOB)
    return job


def find(session: Session, import_id: int) -> ImportJob:
    """The import with this number."""
    job = session.get(ImportJob, import_id)
    if job is None:
        raise NotFound("import_unknown", say("There is no import %(number)s.", number=import_id))
    return job


def ahead(session: Session, job: ImportJob) -> int:
    """How many imports come before one that waits."""
    earlier = select(func.count()).where(ImportJob.state.in_(OPEN), ImportJob.id < job.id)
    return session.scalar(earlier) or 0


def take(session: Session) -> Taken | None:
    """Take the next import, or one whose worker was lost; None when there is none or one is under way.

    One at a time: imports write the same tables, and the other workers have mails to send.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('import_job'))"))
    _give_up(session)
    if session.scalar(select(ImportJob.id).where(_under_way & ~_lost).limit(1)):
        return None
    waiting = or_(ImportJob.state == ImportState.WAITING, _lost)
    job = session.scalar(
        select(ImportJob).where(waiting).order_by(ImportJob.id).limit(1).with_for_update(skip_locked=True)
    )
    if job is None:
        return None
    now, token = session.scalars(select(func.clock_timestamp())).one(), token_hex(16)
    job.state, job.token, job.lease_until = ImportState.RUNNING, token, now + LEASE
    job.started_at = job.started_at or now
    job.attempts, job.lines_done = job.attempts + 1, 0
    wanted = Wanted(job.kind, job.name, job.mapping, job.encoding, job.dry_run)
    return Taken(import_id=job.id, token=token, wanted=wanted)


def renew(session: Session, taken: Taken, *, done: int, total: int) -> bool:
    """Say how far it is, and that its worker lives. False: it was cancelled, or somebody else has it."""
    return _write(session, taken, lines_done=done, lines_total=total, lease_until=func.clock_timestamp() + LEASE)


def leave(session: Session, taken: Taken, *, done: int) -> bool:
    """Give it back for another worker, because this one is asked to end. True: nobody shall, it was cancelled."""
    changes = {"state": ImportState.WAITING, "token": None, "lease_until": None}
    if _write(session, taken, **changes, attempts=ImportJob.attempts - 1):
        ring(session, JOB)
        return False
    # The page says what was stored, and the last second of it is only known here.
    last = update(ImportJob).where(ImportJob.id == taken.import_id, ImportJob.state == ImportState.CANCELLED)
    return session.scalar(last.values(lines_done=done).returning(ImportJob.id)) is not None


def settle(
    session: Session,
    taken: Taken,
    *,
    result: Result | None = None,
    error: CrusoeError | None = None,
    on_its_way: int = 0,
) -> bool:
    """Write down the end: the counts, or the mistake. False when it was cancelled meanwhile or taken by another."""
    state = ImportState.DONE if result else ImportState.FAILED
    counts = {name: count for name, count in result.as_answer().items() if name != "errors_file"} if result else {}
    said = {name: kept(getattr(error, name)) for name in ("code", "message", "remedy", "where")} if error else None
    ended = {"state": state, "token": None, "lease_until": None, "ended_at": func.clock_timestamp()}
    if not _write(session, taken, **ended, **counts, error=said, on_its_way=on_its_way):
        return False
    job = find(session, taken.import_id)
    _note(session, job, actor=job.asked_by, user_id=job.user_id, **counts, **({"error": said["code"]} if said else {}))
    return True


def cancel(session: Session, import_id: int, *, actor: Actor) -> bool:
    """Stop it; rows that are stored stay. The worker notices within a second. False when it has ended."""
    job = session.scalar(select(ImportJob).where(ImportJob.id == import_id).with_for_update())
    if job is None or job.state not in OPEN:
        return False
    job.ended_at = session.scalars(select(func.clock_timestamp())).one()
    job.state, job.token, job.lease_until = ImportState.CANCELLED, None, None
    _note(session, job, actor=actor.email, user_id=actor.id, cancelled=True, lines_done=job.lines_done)
    return True


def _write(session: Session, taken: Taken, **values: object) -> bool:
    held = (ImportJob.id == taken.import_id) & (ImportJob.token == taken.token)
    changed = update(ImportJob).where(held).values(**values).returning(ImportJob.id)
    return session.scalar(changed.execution_options(synchronize_session=False)) is not None


def _give_up(session: Session) -> None:
    ended = {"state": ImportState.FAILED, "token": None, "lease_until": None, "ended_at": func.clock_timestamp()}
    lost = update(ImportJob).where(_lost, ImportJob.attempts >= MOST_ATTEMPTS).values(**ended, error=WORKER_LOST)
    for job in session.scalars(lost.returning(ImportJob)).all():
        _note(session, job, actor=job.asked_by, user_id=job.user_id, error=WORKER_LOST["code"])


def _note(session: Session, job: ImportJob, *, actor: str, user_id: int | None, **details: Any) -> None:
    audit.record(
        session,
        actor=actor,
        user_id=user_id,
        action=f"import.{job.kind}",
        object_type="file",
        object_id=job.name[:200],
        import_id=job.id,
        dry_run=job.dry_run,
        **details,
    )
