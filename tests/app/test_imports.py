"""A file that is imported in the browser: kept, read in by a worker, shown with what was stored and what was not."""

import io
import os
import re
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.imports import jobs, pulse, storage
from app.imports.models import ImportJob
from app.imports.storage import Folder
from app.imports.tasks import import_next, tidy_imports
from contacts.importing import run
from contacts.models import Contact
from core import evidence, tasks
from core.audit import AuditEvent
from core.db import engine, transaction
from core.permissions import Role
from core.settings import settings
from tests.app.installation import wait_until
from tests.browsing import form_token, post, signed_in

GOOD_AND_BAD = b"number,email,first_name\nn1,new@mail.example,New\nn2,not an address,Bad\n"


@pytest.fixture
def marketer(app):
    return signed_in(app, Role.MARKETER)


def send(client, content=GOOD_AND_BAD, name="people.csv", **fields):
    file = io.BytesIO(content)
    form = {"kind": "contacts", "file": (file, name), "csrf_token": form_token(client, "/import")} | fields
    return client.post("/import", data=form, content_type="multipart/form-data")


def number_of(answer):
    assert answer.status_code == 302, answer.text
    return int(answer.location.rpartition("/")[2])


def row(import_id):
    with transaction() as session:
        return jobs.find(session, import_id)


def people():
    with transaction() as session:
        return set(session.scalars(select(Contact.number)))


def lost(import_id):
    """Its worker was killed some time ago."""
    with engine().begin() as connection:
        connection.execute(
            update(ImportJob)
            .where(ImportJob.id == import_id)
            .values(lease_until=func.clock_timestamp() - timedelta(seconds=1))
        )


def test_an_upload_is_imported_by_a_worker_and_not_by_the_request(marketer):
    found = number_of(send(marketer))
    assert people() == set()
    assert row(found).state == "waiting"
    page = marketer.get(f"/import/{found}").text
    assert 'hx-trigger="every 1s"' in page
    assert import_next.run()
    assert people() == {"n1"}
    job = row(found)
    assert (job.state, job.rows, job.created, job.rejected) == ("done", 2, 1, 1)
    page = marketer.get(f"/import/{found}").text
    assert "hx-trigger" not in page[page.index('id="import-progress"') :]
    assert "<td>3</td><td>email</td>" in page
    assert "import that file" in page
    assert "people.csv" in marketer.get("/import").text


def test_the_upload_is_gone_when_the_import_has_ended(marketer):
    found = number_of(send(marketer, mapping="number: number\nemail: email"))
    assert [file.name for file in Folder(found).upload.iterdir()] == ["people.csv"]
    import_next.run()
    assert {file.name for file in Folder(found).path.iterdir()} == {"explained.json", "rejected.csv"}
    clean = number_of(send(marketer, b"number,email\nn9,nine@mail.example\n"))
    import_next.run()
    assert not Folder(clean).path.exists()
    assert list((storage.home() / "arriving").iterdir()) == []


def test_the_rejected_rows_are_handed_out_and_that_is_written_down(marketer):
    found = number_of(send(marketer))
    import_next.run()
    answer = post(marketer, f"/import/{found}/rejected")
    assert "not an address" in answer.text
    assert "rejected-people.csv" in answer.headers["Content-Disposition"]
    with transaction() as session:
        taken = select(func.count()).where(AuditEvent.action == "import.rejected_taken")
        assert session.scalar(taken) == 1
    assert post(marketer, "/import/77/rejected").status_code == 404


def test_every_end_is_written_into_the_audit_log(marketer):
    number_of(send(marketer))
    number_of(send(marketer, b"first_name\nNobody\n"))
    import_next.run()
    import_next.run()
    with transaction() as session:
        details = session.scalars(select(AuditEvent.details).where(AuditEvent.action == "import.contacts")).all()
    assert [(one.get("rows"), one.get("error")) for one in details] == [(2, None), (None, "column_missing")]


def test_a_dry_run_counts_and_stores_nothing(marketer):
    found = number_of(send(marketer, dry_run="yes"))
    import_next.run()
    assert people() == set()
    assert row(found).created == 1
    assert "Nothing was stored" in marketer.get(f"/import/{found}").text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"first_name\nNobody\n", ("No column for email", "people.csv:1", "Mapping and encoding")),
        ("number,email,first_name\nn1,a@mail.example,Ж\n".encode("utf-16-le"), ("people.csv", "UTF-8")),
        (b"number,email\nn1,a@mail.example\nn2,b@mail.example\x00\n", ("NUL", "people.csv:3")),
        (b"number;email;email\n1;2;3\n", ("Columns stand there twice", "people.csv:1")),
        (b"", ("The file is empty", "people.csv")),
    ],
    ids=["column", "encoding", "nul", "header", "empty"],
)
def test_a_file_that_cannot_be_used_is_explained_with_its_place(marketer, content, words):
    found = number_of(send(marketer, content))
    import_next.run()
    page = marketer.get(f"/import/{found}").text
    assert row(found).state == "failed"
    for word in words:
        assert word in page
    assert str(storage.home()) not in page
    assert "--" not in page[page.index('class="alert alert-danger"') :].partition("</div></div>")[0]
    assert people() == set()


def test_a_cell_without_end_is_named_by_its_line(marketer):
    found = number_of(send(marketer, b'number,email\nn1,"' + b"x" * 8_000_000))
    import_next.run()
    page = marketer.get(f"/import/{found}").text
    assert re.search("people.csv:2|<td>2</td>", page)
    assert "close the quote" in page
    assert people() == set()


def test_a_wrong_mapping_is_explained_with_its_line(marketer):
    found = number_of(send(marketer, mapping="email: email\nshoe: size"))
    import_next.run()
    assert "mapping.yaml:2" in marketer.get(f"/import/{found}").text


def test_a_form_with_a_gap_says_so_beside_the_field(marketer):
    assert 'id="file-error"' in send(marketer, name="").text
    assert 'id="kind-error"' in send(marketer, kind="shoes").text


def test_a_file_may_be_larger_than_a_form(marketer, monkeypatch):
    rows = b"number,email\n" + b"n1,one@mail.example\n" * 300_000
    assert len(rows) > 5_000_000
    found = number_of(send(marketer, rows))
    assert row(found).size == len(rows)
    monkeypatch.setenv("CRUSOE_IMPORT_LIMIT", "1")
    settings.cache_clear()
    answer = send(marketer, rows)
    assert answer.status_code == 422
    assert "larger than 1 MB" in answer.text


def test_only_people_who_may_import_may_send_large_files(app):
    sales = signed_in(app, Role.SALES)
    big = {"file": (io.BytesIO(b"x" * 5_000_000), "x.csv"), "csrf_token": form_token(sales, "/profile")}
    assert sales.post("/import", data=big, content_type="multipart/form-data").status_code == 413
    big["file"] = (io.BytesIO(b"x" * 5_000_000), "x.csv")
    assert app.test_client().post("/import", data=big, content_type="multipart/form-data").status_code in {400, 413}
    assert list(storage.home().glob("arriving/*")) == []


def test_an_import_whose_worker_was_lost_begins_again(marketer):
    found = number_of(send(marketer))
    with transaction() as session:
        first = jobs.take(session)
    assert not import_next.run(), "somebody has it"
    lost(found)
    assert import_next.run()
    assert people() == {"n1"}
    assert row(found).attempts == 2
    assert "began again" in marketer.get(f"/import/{found}").text
    with transaction() as session:
        assert not jobs.renew(session, first, done=1, total=2), "the first one has lost it"
        assert not jobs.settle(session, first, error=jobs.NotFound("late", "too late"))
    assert row(found).state == "done"


def test_a_file_that_ends_its_worker_again_and_again_is_given_up(marketer):
    found = number_of(send(marketer))
    for _attempt in range(jobs.MOST_ATTEMPTS):
        with transaction() as session:
            assert jobs.take(session)
        lost(found)
    assert not import_next.run()
    assert row(found).error["code"] == "worker_lost"


def test_imports_wait_for_each_other(marketer):
    first, second = number_of(send(marketer)), number_of(send(marketer))
    with transaction() as session:
        assert jobs.take(session).import_id == first
    with transaction() as session:
        assert jobs.take(session) is None
    assert "1 import comes first" in marketer.get(f"/import/{second}").text


def test_two_workers_never_take_the_same_import(marketer):
    number_of(send(marketer))
    with transaction() as one:
        assert jobs.take(one)
        with engine().connect() as other:
            other.execute(text("SET lock_timeout = '200ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                other.execute(text("SELECT pg_advisory_xact_lock(hashtext('import_job'))"))
    with transaction() as two:
        assert jobs.take(two) is None


def test_a_waiting_import_is_cancelled_at_once(marketer):
    found = number_of(send(marketer))
    assert post(marketer, f"/import/{found}/cancel").status_code == 302
    assert not import_next.run()
    assert not Folder(found).path.exists()
    assert "cancelled before anything was stored" in marketer.get(f"/import/{found}").text


@pytest.fixture
def small_chunks(monkeypatch):
    """A chunk of one row, so that something can happen between two of them."""
    monkeypatch.setattr(run, "CHUNK", 1)


def test_a_running_import_ends_between_two_chunks_when_it_is_cancelled(marketer, small_chunks, monkeypatch):
    monkeypatch.setattr(pulse, "PERIOD", 0.02)
    found = number_of(send(marketer, b"number,email\na,a@mail.example\nb,b@mail.example\nc,c@mail.example\n"))
    worker = threading.Thread(target=import_next.run)
    with engine().begin() as holding_up:
        # Whoever writes addresses waits for this, so the first chunk is under way until the end of the block.
        holding_up.execute(text("SELECT pg_advisory_xact_lock(hashtext('endpoints'))"))
        worker.start()
        wait_until(lambda: row(found).state == "running")
        assert post(marketer, f"/import/{found}/cancel").status_code == 302
        wait_until(lambda: not any(thread.name == "import-pulse" for thread in threading.enumerate()))
    worker.join()
    assert people() == {"a"}
    assert row(found).state == "cancelled"
    assert not Folder(found).path.exists()
    assert "cancelled after line 2" in marketer.get(f"/import/{found}").text


def test_a_worker_that_is_asked_to_stop_gives_its_import_back(marketer, small_chunks):
    found = number_of(send(marketer, b"number,email\na,a@mail.example\nb,b@mail.example\n"))
    tasks.stopping.set()
    try:
        import_next.run()
    finally:
        tasks.stopping.clear()
    assert (row(found).state, row(found).attempts) == ("waiting", 0)
    import_next.run()
    assert people() == {"a", "b"}
    assert (row(found).created, row(found).unchanged) == (1, 1)


def test_the_page_shows_the_line_that_was_reached(marketer):
    found = number_of(send(marketer))
    with transaction() as session:
        taken = jobs.take(session)
    with transaction() as session:
        assert jobs.renew(session, taken, done=1200, total=4800)
    page = marketer.get(f"/import/{found}/progress").text
    assert "Line 1,200 of 4,800" in page
    assert 'max="4800" value="1200"' in page


def test_rejected_rows_and_lost_uploads_are_tidied_away(marketer):
    found, waiting = number_of(send(marketer)), number_of(send(marketer))
    import_next.run()
    nobody = storage.Folder(999)
    nobody.upload.mkdir(parents=True)
    month = time.time() - 31 * storage.DAY
    arriving = storage.home() / "arriving" / "tmpold"
    terminal = storage.home().parent / "import-errors" / "contacts-20260101-000000-000000.csv"
    terminal.parent.mkdir()
    for path in (arriving, terminal):
        path.write_text("x")
    tidy_imports.run()
    assert Folder(found).rejected.exists()
    assert nobody.path.exists()
    for path in (Folder(found).path, Folder(waiting).path, nobody.path, arriving, terminal):
        os.utime(path, (month, month))
    tidy_imports.run()
    assert not Folder(found).path.exists()
    assert not nobody.path.exists()
    assert not arriving.exists()
    assert not terminal.exists()
    assert Folder(waiting).upload.exists(), "what nobody has imported yet is no rubbish"
    assert "removed after 30 days" in marketer.get(f"/import/{found}").text


def test_a_late_worker_is_told_apart_from_a_busy_one(marketer):
    found = number_of(send(marketer))
    assert "crusoe status" not in marketer.get(f"/import/{found}").text
    with engine().begin() as connection:
        connection.execute(text("UPDATE import_job SET created_at = now() - interval '1 minute'"))
    assert "crusoe status" in marketer.get(f"/import/{found}").text


def test_the_audit_log_is_still_sealed_after_imports(marketer):
    number_of(send(marketer))
    import_next.run()
    with transaction() as session:
        assert evidence.verify(session) == []


def test_mail_that_was_still_on_its_way_is_said_in_both_languages(marketer):
    found = number_of(send(marketer, b"email,at\na@mail.example,2026-11-14T14:37:02Z\n", kind="optouts"))
    assert import_next.run()
    assert "on their way" not in marketer.get(f"/import/{found}").text
    with engine().begin() as connection:
        connection.execute(update(ImportJob).values(on_its_way=2))
    assert "2 e-mails were already on their way" in marketer.get(f"/import/{found}").text
    post(marketer, "/profile/language", locale="de")
    assert "2 E-Mails waren schon unterwegs" in marketer.get(f"/import/{found}").text
