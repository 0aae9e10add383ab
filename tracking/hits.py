"""Opens and clicks, answered before the web framework: verify, write one line, answer.

A plain WSGI function, because a request through the framework costs five times as much and these come in thousands a
second after a launch. Nothing here writes to the database; the only thing a GET changes is the spool.
"""

from collections.abc import Callable, Iterable
from time import time_ns
from typing import Any

import structlog
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from core.accounts import LOCALES
from core.db import transaction
from core.errors import NotReachable
from core.sentences import Sentence, say
from core.telling import told_in
from tracking.links import targets_of_run
from tracking.spool import SPOOL, write_line
from tracking.tokens import LONGEST, AggregateToken, MessageToken, Purpose, read_hit_token

log = structlog.get_logger()

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

# One transparent dot; 43 bytes is as small as every mail program accepts.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

LONGEST_URL = 8192
MOST_CACHED = 200_000

_FRESH = ("Cache-Control", "no-store, private, max-age=0")
_QUIET = [_FRESH, ("X-Robots-Tag", "noindex, nofollow"), ("X-Content-Type-Options", "nosniff")]
_PIXEL_HEADERS = [("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL))), *_QUIET]

_FOR_PHONES = (
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
)

_targets: dict[int, str] = {}


def wrap(app: App) -> App:
    """Put `/o/<token>` and `/c/<token>` in front of a WSGI application; everything else passes through."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if len(path) + len(environ.get("QUERY_STRING", "")) > LONGEST_URL:
            return _say(environ, start_response, "414 URI Too Long", say("This address is too long."))
        if path.startswith("/c/"):
            return _click(environ, start_response, path[3:])
        if path.startswith("/o/"):
            return _open(environ, start_response, path[3:])
        return app(environ, start_response)

    return answer


def _open(environ: Environ, start_response: StartResponse, token: str) -> Iterable[bytes]:
    """The picture, for every token: a mail must not look broken, and nobody learns which tokens exist."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return _refuse_method(environ, start_response)
    if len(token) <= LONGEST and read_hit_token(Purpose.OPEN, token) is not None:
        _note(environ, Purpose.OPEN, token)
    start_response("200 OK", _PIXEL_HEADERS)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [PIXEL]


def _click(environ: Environ, start_response: StartResponse, token: str) -> Iterable[bytes]:
    """On to the stored target; an unknown token leads nowhere."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return _refuse_method(environ, start_response)
    if len(token) > LONGEST:
        return _say(environ, start_response, "414 URI Too Long", say("This address is too long."))
    hit = read_hit_token(Purpose.CLICK, token)
    try:
        target = _target(hit) if hit else None
    except NotReachable:
        sentence = say("Please try this link again in a minute.")
        return _say(environ, start_response, "503 Service Unavailable", sentence)
    if target is None:
        sentence = say("This link is unknown. Was it copied completely?")
        return _say(environ, start_response, "404 Not Found", sentence)
    _note(environ, Purpose.CLICK, token)
    start_response(
        "302 Found",
        [("Location", target), ("Content-Length", "0"), ("Referrer-Policy", "no-referrer"), *_QUIET],
    )
    return []


def _target(hit: MessageToken | AggregateToken) -> str | None:
    """Where a link leads, from memory; the first click of a run reads all its links."""
    if hit.link_id not in _targets:
        with transaction() as session:
            found = targets_of_run(session, hit.run_id)
        if len(_targets) > MOST_CACHED:
            _targets.clear()
        _targets.update(found)
    return _targets.get(hit.link_id)


def _note(environ: Environ, purpose: Purpose, token: str) -> None:
    """Write the hit down. A full disk costs the hit, not the reader's way to the page."""
    at = time_ns() // 1000
    personal = len(token) == LONGEST
    line = write_line(
        at=at,
        purpose=purpose,
        token=token,
        method=environ["REQUEST_METHOD"],
        prefetch=_looks_ahead(environ),
        # Whoever allows only counting leaves no address, not even here.
        ip=environ.get("REMOTE_ADDR", "") if personal else "",
        user_agent=environ.get("HTTP_USER_AGENT", ""),
    )
    try:
        SPOOL.append(line, at=at)
    except OSError as error:
        log.error("hit_lost", reason=str(error))  # noqa: TRY400 - the sentence is enough, and this may come in thousands


def _looks_ahead(environ: Environ) -> bool:
    """Whether the client says that it only fetches ahead of a person; browsers differ in how they say it."""
    for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ"):
        if name in environ and ("prefetch" in environ[name] or "preview" in environ[name]):
            return True
    return False


def _refuse_method(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    sentence = say("This address can only be opened.")
    return _say(environ, start_response, "405 Method Not Allowed", sentence, "GET, HEAD")


def _say(
    environ: Environ, start_response: StartResponse, status: str, sentence: Sentence, allow: str = ""
) -> Iterable[bytes]:
    asked_for = parse_accept_header(environ.get("HTTP_ACCEPT_LANGUAGE"), LanguageAccept)
    locale = asked_for.best_match(LOCALES) or LOCALES[0]
    told = told_in(sentence, locale=locale)
    body = f'<!doctype html><html lang="{locale}">{_FOR_PHONES}<title>{told}</title><p>{told}</p></html>'.encode()
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))), *_QUIET]
    if allow:
        headers.append(("Allow", allow))
    if status.startswith("503"):
        headers.append(("Retry-After", "60"))
    start_response(status, headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
