"""What came back and what is in doubt can be seen, narrowed and decided about, in both languages."""

import pytest
from sqlalchemy import text

from core.db import transaction
from core.errors import NotAllowed
from core.permissions import Role
from delivery import doubts, mail_id, pause_run, resume_run, return_path, send_once_more, take_in
from delivery.models import Way
from delivery.returns import classify
from delivery.returns.reading import Reading
from tests.browsing import post, signed_in
from tests.delivery.returns.test_classify import dsn
from tests.delivery.sending import campaign, rows


@pytest.fixture
def run_id(database: str) -> int:
    """A campaign to two people whose mails ended in doubt."""
    made = campaign(2)
    with transaction() as session:
        session.execute(
            text(
                "UPDATE message SET state = 'unknown', attempts = 1, decision_id = 1, handed_over_at = now(),"
                " reply_text = 'no answer <b>to</b> the dot'"
            )
        )
    return made


def came_back(raw: bytes) -> None:
    with transaction() as session:
        take_in(session, raw=raw, reading=Reading(classify(raw)), way=Way.PIPE)


def test_what_came_back_is_listed_with_what_it_means_and_whether_it_is_believed(run_id, app):
    one, two = (row.id for row in rows("SELECT id FROM message ORDER BY id"))
    path = return_path(message_id=one, domain="b.example").encode()
    came_back(dsn().replace(b"b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example", path).replace(b"ada@", b"p0@"))
    came_back(dsn(status="5.2.2", code="smtp; 552 5.2.2 mailbox full <script>alert(1)</script>"))
    client = signed_in(app, Role.COMPLIANCE)
    page = client.get("/returned").get_data(as_text=True)
    assert "hard bounce" in page
    assert "p0@mail.example" in page
    assert "<script>alert" not in page
    only = client.get("/returned?believed=no").get_data(as_text=True)
    assert "<td>" in only
    assert "p0@mail.example" not in only
    assert "mailbox full" in only
    assert "p0@mail.example" in client.get("/returned?class=hard&q=p0@mail.example").get_data(as_text=True)
    assert client.get("/returned?class=nothing").status_code == 422
    # The doubt about the first one is over; the second one still has it.
    doubtful = client.get("/unknown").get_data(as_text=True)
    assert "p0@mail.example" not in doubtful
    assert mail_id(message_id=two, domain="shop.example").strip("<>") in doubtful
    assert "no answer &lt;b&gt;to&lt;/b&gt; the dot" in doubtful
    assert "Send 1 once more" not in doubtful
    with transaction() as session:
        session.execute(text("UPDATE user_account SET locale = 'de'"))
    assert "unzustellbar" in client.get("/returned").get_data(as_text=True)
    assert "Ungewisse Nachrichten" in client.get("/unknown").get_data(as_text=True)


def test_a_person_decides_that_what_is_in_doubt_is_sent_once_more(run_id, app):
    client = signed_in(app, Role.ADMIN)
    page = client.get("/unknown").get_data(as_text=True)
    assert "Send 2 once more" in page
    assert post(client, f"/unknown/{run_id}").status_code == 302
    assert "2 messages are sent once more" in client.get("/unknown").get_data(as_text=True)
    with transaction() as session:
        (found,) = doubts(session)
        assert (found.messages, found.left, found.once_more) == (2, 2, True)
        assert session.scalar(text("SELECT count(*) FROM audit_event WHERE action = 'run.send_once_more'")) == 1
    assert post(client, "/unknown/999").status_code == 404


def test_nothing_of_a_paused_campaign_is_sent_once_more_and_a_finished_one_opens_again(run_id):
    with transaction() as session:
        pause_run(session, run_id=run_id, reason="wait")
    with pytest.raises(NotAllowed), transaction() as session:
        send_once_more(session, run_id=run_id, actor="somebody@crew.example")
    with transaction() as session:
        resume_run(session, run_id=run_id)
        session.execute(text("UPDATE run SET state = 'done', finished_at = now()"))
    with transaction() as session:
        assert send_once_more(session, run_id=run_id, actor="somebody@crew.example") == 2
    (row,) = rows("SELECT state, finished_at FROM run")
    assert (row.state, row.finished_at) == ("open", None)
