"""What messages say about a person in clear, taken out when the person is erased."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

_VALUES = (
    "DELETE FROM message_value AS v USING message AS m WHERE m.id = v.message_id AND m.address_id = ANY(:addresses)"
)
# Servers like to repeat the address in their answer. Through the runs, because the unique key begins with them.
_ANSWERS = """
    UPDATE message SET reply_text = NULL WHERE reply_text IS NOT NULL AND id IN (
        SELECT m.id FROM run AS r JOIN message AS m ON m.run_id = r.id AND m.address_id = ANY(:addresses))
"""


def forget_recipient(session: Session, address_ids: Collection[int]) -> int:
    """Remove addresses and values in clear from messages to these addresses; answers how many messages had any."""
    gone = [session.execute(text(one), {"addresses": list(address_ids)}) for one in (_VALUES, _ANSWERS)]
    return sum(int(getattr(one, "rowcount", 0)) for one in gone)
