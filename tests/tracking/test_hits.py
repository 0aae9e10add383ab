"""What opens and clicks answer, and what they leave behind."""

from io import BytesIO
from pathlib import Path

import pytest

from core.db import transaction
from core.errors import WrongInput
from tests.full_disk import forked
from tests.tracking.recipients import SENT
from tracking import hits
from tracking.links import store_links, web_address
from tracking.spool import folder, read_line
from tracking.tokens import Purpose, make_aggregate_token, make_message_token

TARGET = "https://shop.example/winter?size=xl"


def call(path: str, *, method: str = "GET", query: str = "", **headers: str):
    answer = {}

    def start_response(status, fields, exc_info=None):
        answer.update(status=int(status[:3]), headers=dict(fields))

    def behind(environ, start_response):
        start_response("299 Behind", [])
        return [b"behind"]

    environ = {
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "wsgi.input": BytesIO(),
        **headers,
    }
    body = b"".join(hits.wrap(behind)(environ, start_response))
    return answer["status"], answer["headers"], body


def spooled() -> list:
    lines = [line for path in sorted(folder().glob("*")) for line in path.read_bytes().splitlines()]
    return [read_line(line) for line in lines]


@pytest.fixture
def link(database) -> int:
    hits._targets.clear()
    hits.SPOOL.close()
    with transaction() as session:
        return store_links(session, 5, [TARGET])[0]


def click_token(link: int) -> str:
    return make_message_token(Purpose.CLICK, run_id=5, message_id=1, address_id=2, link_id=link, sent_at=SENT)


def open_token() -> str:
    return make_message_token(Purpose.OPEN, run_id=5, message_id=1, address_id=2, sent_at=SENT)


def test_a_click_leads_to_the_stored_target_and_leaves_one_line(link):
    status, headers, body = call(f"/c/{click_token(link)}")
    assert (status, headers["Location"], body) == (302, TARGET, b"")
    assert "no-store" in headers["Cache-Control"]
    assert headers["Referrer-Policy"] == "no-referrer"
    [line] = spooled()
    assert (line.token, line.purpose, line.method, line.ip) == (click_token(link), "c", "GET", "203.0.113.7")


def test_an_open_is_answered_with_the_same_picture_for_every_token(link):
    known = call(f"/o/{open_token()}")
    assert known[0] == 200
    assert known[1]["Content-Type"] == "image/gif"
    assert len(known[2]) == 43
    assert len(spooled()) == 1
    for nonsense in ("", "x", open_token()[:-1], "A" * 60, "A" * 36, "é" * 60, "A" * 5000):
        assert call(f"/o/{nonsense}") == known
    assert len(spooled()) == 1


def test_what_we_did_not_sign_never_redirects(link):
    token = click_token(link)
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    other_purpose = make_message_token(
        Purpose.UNSUBSCRIBE, run_id=5, message_id=1, address_id=2, link_id=link, sent_at=SENT
    )
    unknown_link = click_token(link + 1)
    other_run = make_message_token(Purpose.CLICK, run_id=6, message_id=1, address_id=2, link_id=77, sent_at=SENT)
    for bad in (flipped, other_purpose, unknown_link, other_run, "", open_token(), "https://evil.example"):
        status, headers, _ = call(f"/c/{bad}", query="url=https://evil.example&target=//evil.example")
        assert status in {404, 414}
        assert "Location" not in headers
    assert spooled() == []


@pytest.mark.parametrize(
    ("asked_for", "told"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", ('<html lang="de">', "<title>Dieser Link ist unbekannt.")),
        ("en-GB", ('<html lang="en">', "<title>This link is unknown.")),
        ("fi", ('<html lang="en">', "<title>This link is unknown.")),
        ("", ('<html lang="en">', "<title>This link is unknown.")),
    ],
)
def test_a_link_that_leads_nowhere_says_so_in_the_language_of_the_reader(home, asked_for, told):
    page = call("/c/copied-badly", HTTP_ACCEPT_LANGUAGE=asked_for)[2].decode()
    assert all(part in page for part in told)


def test_a_query_never_changes_where_a_click_leads(link):
    assert call(f"/c/{click_token(link)}", query="url=https://evil.example")[1]["Location"] == TARGET


def test_aggregate_hits_leave_no_address(link):
    call(f"/c/{make_aggregate_token(Purpose.CLICK, run_id=5, link_id=link)}")
    call(f"/o/{make_aggregate_token(Purpose.OPEN, run_id=5)}")
    assert [line.ip for line in spooled()] == ["", ""]


def test_head_is_answered_without_a_body_and_recorded_as_head(link):
    assert call(f"/c/{click_token(link)}", method="HEAD")[0] == 302
    assert call(f"/o/{open_token()}", method="HEAD")[2] == b""
    assert [line.method for line in spooled()] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_other_methods_do_nothing(link, method):
    for path in (f"/c/{click_token(link)}", f"/o/{open_token()}"):
        status, headers, _ = call(path, method=method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert spooled() == []


@pytest.mark.parametrize("header", ["HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ"])
def test_looking_ahead_is_recorded(link, header):
    call(f"/c/{click_token(link)}", **{header: "prefetch;prerender"})
    assert spooled()[0].prefetch


def test_what_is_too_long_is_refused(link):
    assert call(f"/c/{click_token(link)}", query="a" * 10_000_000)[0] == 414
    assert call("/c/" + "a" * 9000)[0] == 414
    assert call("/c/" + "a" * 100)[0] == 414


def test_everything_else_passes_through(link):
    for path in ("/", "/campaigns", "/u/abc", "/c", "/o", "//c/x", "/C/x"):
        assert call(path)[0] == 299


def test_a_user_agent_cannot_write_lines_of_its_own(link):
    call(f"/o/{open_token()}", HTTP_USER_AGENT="a\n1\tc\tforged\tGET\t0\t\tx\r\n\x00\tb" + "x" * 5000)
    [line] = spooled()
    assert line.user_agent.startswith("a1cforgedGET0x")
    assert len(line.user_agent) < 400


def test_a_full_disk_does_not_stop_a_reader(link):
    """The first line is torn and nothing is added to its torn end; where not one byte has room, it is the same."""
    token = click_token(link)
    call(f"/c/{token}")
    [whole] = folder().iterdir()
    for room in (10, 0):
        assert forked(lambda: [call(f"/c/{token}")[0] for _ in range(2)] == [302, 302], room=room)
    torn = [path.stat().st_size for path in folder().iterdir() if path != whole]
    assert sorted(torn) == [0, 10, 10]


def test_a_click_without_a_database_asks_to_try_again_and_one_in_memory_works(link, monkeypatch):
    from core import db
    from core.settings import settings

    call(f"/c/{click_token(link)}")
    monkeypatch.setenv("DATABASE_URL", "postgresql://crusoe@127.0.0.1:1/none")
    settings.cache_clear()
    db.forget_engine()
    assert call(f"/c/{click_token(link)}")[0] == 302
    hits._targets.clear()
    assert call(f"/c/{click_token(link)}")[0] == 503


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "/path", "https://", "https:///x",
        "https://good.example@evil.example/", "https://a.example/\r\nSet-Cookie: x=1", "https://a.example/ b",
        "https://a.example\\@evil.example", "mailto:a@b.example", "", "https://a.example:99999/", "https://[::1/",
    ],
)  # fmt: skip
def test_a_target_that_is_no_web_address_is_refused(target):
    with pytest.raises(WrongInput):
        web_address(target)


def test_links_of_a_run_are_stored_once_and_then_frozen(database):
    with transaction() as session:
        first = store_links(session, 9, ["https://a.example/", "https://b.example/ü"])
        assert store_links(session, 9, ["https://a.example/", "https://b.example/ü"]) == first
        assert sorted(first) == [0, 1]
        with pytest.raises(WrongInput):
            store_links(session, 9, ["https://a.example/", "https://c.example/"])
        with pytest.raises(WrongInput):
            store_links(session, 9, ["https://a.example/"])


def test_the_spool_is_readable_by_its_owner_only(link):
    call(f"/o/{open_token()}")
    [path] = Path(folder()).glob("*")
    assert path.stat().st_mode & 0o077 == 0
