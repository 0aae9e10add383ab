"""Many people who press the button in the same instant: one connection each, all of them open before anybody writes."""

import asyncio
import time
from collections.abc import Sequence
from random import Random
from urllib.parse import urlencode

from sqlalchemy import text

from core.db import transaction
from tests.faults.doors import HOLDS, NOT_YET, OptOut, Somebody
from tests.faults.installation import Installation
from tracking import Purpose

BODY = urlencode({"List-Unsubscribe": "One-Click"}).encode()
LONGEST_ANSWER = 60.0

# Whose mail is being made or sent just now, and then those whose turn is next.
_IN_FLIGHT = """
    SELECT m.id, m.run_id, m.address_id, e.value, m.state::text AS state FROM message AS m
    JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
    WHERE m.run_id = :run AND m.state IN ('claimed', 'handing_over', 'ready')
    ORDER BY m.state = 'ready', m.not_before, m.id LIMIT :many
"""


def in_flight(run_id: int, *, many: int) -> tuple[list[Somebody], int]:
    """So many recipients, and of how many of them a batch has the mail already."""
    with transaction() as session:
        found = session.execute(text(_IN_FLIGHT), {"run": run_id, "many": many}).all()
    people = [Somebody(row.value, row.run_id, row.id, row.address_id) for row in found]
    return people, sum(row.state != "ready" for row in found)


def press(installation: Installation, people: Sequence[Somebody], dice: Random) -> list[OptOut]:
    """All of them at once; those who got no answer are missing in what comes back."""
    shuffled = dice.sample(people, len(people))
    return asyncio.run(_press(installation.port, shuffled))


async def _press(port: int, people: Sequence[Somebody]) -> list[OptOut]:
    requests = [_request(who) for who in people]
    begun = time.monotonic()
    found = await asyncio.gather(
        *(_one(port, who, request, begun) for who, request in zip(people, requests, strict=True))
    )
    return [each for each in found if each is not None]


def _request(who: Somebody) -> bytes:
    head = (
        f"POST /u/{who.token(Purpose.UNSUBSCRIBE)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


async def _one(port: int, who: Somebody, request: bytes, begun: float) -> OptOut | None:
    try:
        async with asyncio.timeout(LONGEST_ANSWER):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read()
            now, took = time.time(), time.monotonic() - begun
            writer.close()
    except (OSError, TimeoutError):
        return None
    status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
    return (
        OptOut(who.email, now, "one click", took, took, final=status == HOLDS) if status in {HOLDS, NOT_YET} else None
    )
