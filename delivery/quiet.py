"""Waiting until nothing is on its way to an address: what an opt-out does before it answers."""

import time

from sqlalchemy import text

from core.db import transaction

LONGEST = 10.0
PAUSE = 0.05


def wait_until_quiet(address_id: int, *, seconds: float | None = None) -> bool:
    """Wait until no message to this address is being handed over; False when one still is after `seconds`, or ten.

    Call it after the transaction that stored the objection, never inside one. From then on the gate lets nothing pass,
    so an answer given afterwards is the truth: no mail begins later than it.
    """
    until = time.monotonic() + (LONGEST if seconds is None else seconds)
    while True:
        with transaction() as session:
            busy = session.scalar(
                text("SELECT EXISTS (SELECT 1 FROM message WHERE address_id = :id AND state = 'handing_over')"),
                {"id": address_id},
            )
        if not busy:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(PAUSE)
