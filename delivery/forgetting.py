"""What messages say about a person in clear, taken out when the person is erased."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts import forget_subjects
from delivery.returns.intake import original_subject

_VALUES = (
    "DELETE FROM message_value AS v USING message AS m WHERE m.id = v.message_id AND m.address_id = ANY(:addresses)"
)
# Servers like to repeat the address in their answer. Through the runs, because the unique key begins with them.
_ANSWERS = """
    UPDATE message SET reply_text = NULL WHERE reply_text IS NOT NULL AND id IN (
        SELECT m.id FROM run AS r JOIN message AS m ON m.run_id = r.id AND m.address_id = ANY(:addresses))
"""
_RETURNED = "SELECT DISTINCT mail_id FROM returned WHERE address_id = ANY(:addresses)"
_REASONS = "UPDATE returned SET reason = NULL WHERE address_id = ANY(:addresses) AND reason IS NOT NULL"


def forget_recipient(session: Session, address_ids: Collection[int]) -> int:
    """Remove addresses and values in clear from messages to these addresses; answers how many messages had any."""
    about = {"addresses": list(address_ids)}
    forget_subjects(session, [original_subject(mail_id) for mail_id in session.scalars(text(_RETURNED), about)])
    session.execute(text(_REASONS), about)
    gone = [session.execute(text(one), about) for one in (_VALUES, _ANSWERS)]
    return sum(int(getattr(one, "rowcount", 0)) for one in gone)
