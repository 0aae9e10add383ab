"""Which of several processes leads, and that a firing happens once: the schedule's two tables."""

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, CreatedAt, Moment

KEPT_HOURS = 24


class Lease(Base):
    """Who leads, for a few seconds at a time. A holder that dies is followed by whoever asks next."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[Moment]


class Firing(Base):
    """One slot of one job's timetable. Its key is what keeps two leaders from firing it twice."""

    __tablename__ = "firing"

    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[CreatedAt]


_HOLD = text("""
    INSERT INTO lease (name, holder, until) VALUES (:name, :holder, now() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE lease.holder = excluded.holder OR lease.until < now()
    RETURNING holder
""")

# The lease is asked for once more here: a leader that slept through its end must not fire.
_FIRE = text("""
    INSERT INTO firing (job, slot)
    SELECT :job, floor(extract(epoch FROM now()) / :every)::bigint
    FROM lease WHERE name = :name AND holder = :holder AND until > now()
    ON CONFLICT DO NOTHING
    RETURNING slot
""")


def hold(session: Session, *, name: str, holder: str, seconds: float) -> bool:
    """Take or renew the lease; False when somebody else holds it. The database's clock decides."""
    return session.scalar(_HOLD, {"name": name, "holder": holder, "seconds": seconds}) is not None


def give_up(session: Session, *, name: str, holder: str) -> None:
    """Let go of the lease, so that the next one need not wait for its end."""
    session.execute(text("DELETE FROM lease WHERE name = :name AND holder = :holder"), {"name": name, "holder": holder})


def fire(session: Session, *, name: str, holder: str, job: str, every: float) -> bool:
    """Whether this holder may fire the job's present slot (of `every` seconds); True once per slot."""
    values = {"name": name, "holder": holder, "job": job, "every": every}
    return session.scalar(_FIRE, values) is not None


def forget_firings(session: Session) -> int:
    """Remove slots that are long over; answers how many."""
    done = session.execute(
        text(
            "WITH gone AS (DELETE FROM firing WHERE at < now() - make_interval(hours => :hours) RETURNING 1)"
            " SELECT count(*) FROM gone"
        ),
        {"hours": KEPT_HOURS},
    )
    return int(done.scalar_one())
