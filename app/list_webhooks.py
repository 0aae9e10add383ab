"""The webhook that tells another system that a do-not-contact list grows old, beside the mail to compliance."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.list_notices import late_lists, page_of
from lead_handover import tell
from suppression import ListStatus


def tell_of_lists(session: Session, *, now: datetime) -> int:
    """Tell every target that hears `list.due` or `list.outdated` about the lists of which that is true.

    Once for each version and each state of it; answers how many messages that is. They say nothing about any person.
    """
    return sum(
        tell(session, event=f"list.{one.state}", key=f"list-{one.version}-{one.state}", data=_told(one), now=now)
        for one in late_lists(session, now=now)
    )


def _told(late: ListStatus) -> dict[str, object]:
    return {
        "list": late.list,
        "title": late.title,
        "version": late.version,
        "published_at": late.published_at.isoformat() if late.published_at else None,
        "outdated_from": late.outdated_from.isoformat() if late.outdated_from else None,
        "url": page_of(late),
    }
