"""Blocks of whole domains and companies, and new versions of lists, against a gate that decides at this very moment.

An entry about one address locks that address, and the gate shares the lock. Of a domain or a company nobody knows all
addresses before they come, so here one lock stands for all of them: every gate shares it, and whoever stores such a
block holds it alone. So either the gate sees the block and refuses, or the block waits until what the gate let pass is
on record; from its commit on no gate lets anything pass that it names. A list that comes into force does the same.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

_NAME = "suppression.wide_blocks"
_SHARE = text("SELECT pg_advisory_xact_lock_shared(hashtext(:name))")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


def see_wide_blocks(session: Session) -> None:
    """For the gate, before it decides and before it locks addresses: see every block that is being stored now."""
    session.execute(_SHARE, {"name": _NAME})


def hold_gates(session: Session) -> None:
    """For whoever stores such a block, before addresses are locked, or lets a list count: wait for gates at work."""
    session.execute(_ALONE, {"name": _NAME})
