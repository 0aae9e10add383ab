"""One request to the service of a list operator. Whatever is not a clear answer is an error: silence clears nobody."""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx2

from core.errors import NotReachable
from core.sentences import say

SECONDS = 30.0
TRIES = 4
# How long to wait after "too many requests", unless the service says so itself; after other failures it is shorter.
SLOW_DOWN, AGAIN = 15.0, 1.0
LONGEST_WAIT = 60.0
LARGEST_ANSWER = 8 * 1024 * 1024
_PASSING = frozenset({500, 502, 503, 504})


def post(
    url: str,
    *,
    body: bytes,
    headers: Callable[[], Mapping[str, str]],
    list_id: str,
    wait: Callable[[float], None] = time.sleep,
) -> Any:
    """The JSON that the service answers with 200. Passing troubles are tried again a few times.

    `headers` is made anew for each try, because signatures carry the time.
    """
    said = ""
    for attempt in range(TRIES):
        try:
            answer = httpx2.post(url, content=body, headers=dict(headers()), timeout=SECONDS, follow_redirects=False)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            said = type(error).__name__
            pause = AGAIN * 2**attempt
        else:
            if answer.status_code == HTTPStatus.OK and len(answer.content) <= LARGEST_ANSWER:
                return _json(answer, list_id)
            said = f"HTTP {answer.status_code}{_message(answer)}"
            if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                pause = _asked_pause(answer)
            elif answer.status_code in _PASSING:
                pause = AGAIN * 2**attempt
            else:
                break
        if attempt + 1 < TRIES:
            wait(pause)
    raise no_answer(list_id, said)


def no_answer(list_id: str, said: str) -> NotReachable:
    """The service gave no answer that could be relied on."""
    return NotReachable(
        "list_not_asked",
        say("The service of %(list)s gave no usable answer: %(said)s.", list=list_id, said=said),
        say("What was asked before stays as old as it is. Check the key and the connection, then ask again."),
    )


def _json(answer: httpx2.Response, list_id: str) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise no_answer(list_id, "no JSON") from error


def _message(answer: httpx2.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return ""
    message = found.get("message") if isinstance(found, dict) else None
    return f", {message[:200]}" if isinstance(message, str) else ""


def _asked_pause(answer: httpx2.Response) -> float:
    wanted = answer.headers.get("retry-after", "")
    return min(float(wanted), LONGEST_WAIT) if wanted.isdigit() else SLOW_DOWN
