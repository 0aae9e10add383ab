"""What a broker loses can be seen: work that nobody rang for is counted apart."""

from core.db import transaction
from core.found_work import found, note_found
from core.tasks import Job


def counted(name):
    with transaction() as session:
        return found(session, name)


def test_rows_are_counted_by_how_the_job_was_woken(database, home):
    rows = iter([3, 2, 4, 0])

    def verb():
        note_found(next(rows))
        note_found(1)
        return False

    job = Job(name="test", verb=verb, queue="work", every=5, alone=False)
    job.run()
    job.run(polled=True)
    job.run(polled=True)
    # Outside of a job nobody counts, nor when it breaks off.
    note_found(100)
    assert counted("test") == (4, 8)
    assert counted("other") == (0, 0)
