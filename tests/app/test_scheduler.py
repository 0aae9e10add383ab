"""Any number of schedulers may run: one leads, and no slot is fired twice."""

import threading

from sqlalchemy import text

from app.scheduler import NAME, Scheduler
from core import lease
from core.db import transaction
from core.tasks import JOBS

EVERY = 3600.0


def job() -> str:
    return next(iter(JOBS))


def test_one_of_two_leads(database, broker):
    first, second = Scheduler(holder="first"), Scheduler(holder="second")
    for scheduler in (first, second):
        scheduler.start()
        scheduler.renew()
    try:
        assert (first.leads, second.leads) == (True, False)
        first.stop()
        second.renew()
        assert second.leads
    finally:
        second.stop()


def test_a_leader_that_went_silent_is_followed(database, broker):
    with transaction() as session:
        assert lease.hold(session, name=NAME, holder="silent", seconds=-1)
        assert lease.hold(session, name=NAME, holder="next", seconds=5)
        assert not lease.hold(session, name=NAME, holder="silent", seconds=5)


def test_two_that_believe_they_lead_fire_a_slot_once(database, broker):
    """Both were told that they lead; the lease changed hands between them."""
    rings = []
    schedulers = [Scheduler(holder=name) for name in ("first", "second")]
    with transaction() as session:
        lease.hold(session, name=NAME, holder="first", seconds=5)
    rings.append(schedulers[0].fire(job(), every=EVERY))
    with transaction() as session:
        lease.give_up(session, name=NAME, holder="first")
        lease.hold(session, name=NAME, holder="second", seconds=5)
    rings += [scheduler.fire(job(), every=EVERY) for scheduler in schedulers]
    assert rings == [True, False, False]


def test_a_slot_is_fired_once_when_many_fire_at_the_same_time(database, broker):
    scheduler = Scheduler(holder="one")
    with transaction() as session:
        lease.hold(session, name=NAME, holder="one", seconds=30)
    rings: list[bool] = []
    threads = [
        threading.Thread(target=lambda: rings.append(scheduler.fire(job(), every=EVERY)), daemon=True) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rings) == [False] * 7 + [True]


def test_who_does_not_lead_does_not_fire(database, broker):
    waiting = Scheduler(holder="waiting")
    assert not waiting.fire(job(), every=EVERY)
    with transaction() as session:
        lease.hold(session, name=NAME, holder="leader", seconds=30)
    assert not waiting.fire(job(), every=EVERY)
    assert Scheduler(holder="leader").fire(job(), every=EVERY)


def test_a_leader_whose_lease_ran_out_does_not_fire(database, broker):
    with transaction() as session:
        lease.hold(session, name=NAME, holder="asleep", seconds=-1)
    assert not Scheduler(holder="asleep").fire(job(), every=EVERY)


def test_without_a_database_nobody_leads(home, monkeypatch):
    from core import db
    from core.settings import settings

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()
    db.forget_engine()
    scheduler = Scheduler(holder="one")
    scheduler.renew()
    assert not scheduler.leads
    db.forget_engine()


def test_every_job_has_its_place_in_the_timetable(database):
    planned = {entry.args[0] for entry in Scheduler().clockwork.get_jobs() if entry.args}
    assert planned == set(JOBS)


def test_old_slots_are_forgotten(database):
    with transaction() as session:
        session.execute(text("INSERT INTO firing (job, slot, at) VALUES ('old', 1, now() - interval '3 days')"))
        session.execute(text("INSERT INTO firing (job, slot) VALUES ('new', 1)"))
        assert lease.forget_firings(session) == 1
        assert session.scalars(text("SELECT job FROM firing")).all() == ["new"]
