"""Whether a mail is about a message of ours: only a sealed return path or a sealed Message-ID says so.

Anybody can write a mail that looks like a bounce. Without this, whoever knows an address could have it suppressed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.return_path import message_of, message_of_mail_id
from delivery.states import MessageState


@dataclass(frozen=True)
class About:
    """The message that a mail is about."""

    message_id: int
    run_id: int
    address_id: int
    state: MessageState
    purpose: str
    controller_id: int
    basis: str | None


_ABOUT = """
    SELECT m.id AS message_id, m.run_id, m.address_id, m.state::text AS state, r.purpose, s.controller_id,
           (SELECT d.basis FROM decision AS d WHERE d.id = m.decision_id) AS basis
    FROM message AS m JOIN run AS r ON r.id = m.run_id JOIN sender AS s ON s.id = r.sender_id WHERE m.id = :message
"""


def proven(names: Iterable[str]) -> int | None:
    """The id of the first message that one of these names proves, the envelope first."""
    for name in names:
        message_id = message_of_mail_id(name) if name.startswith("<") else message_of(name.strip("<>"))
        if message_id is not None:
            return message_id
    return None


def about(session: Session, message_id: int) -> About | None:
    """What the message was, or None when it is no longer kept."""
    row = session.execute(text(_ABOUT), {"message": message_id}).mappings().one_or_none()
    return About(**{**row, "state": MessageState(row["state"])}) if row else None
