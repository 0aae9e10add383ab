"""Background work about mail that comes back."""

import structlog

from app.returns.mailbox import AT_ONCE, look
from core.errors import NotReachable
from core.settings import settings
from core.tasks import job

log = structlog.get_logger()


@job("app.look_into_mailbox", every=60)
def look_into_mailbox() -> bool:
    """Take in what lies in the mailbox for returned mail, where there is one."""
    url = settings().returns_mailbox
    if url is None:
        return False
    try:
        return look(url) >= AT_ONCE
    except NotReachable as error:
        log.warning("mailbox_away", error=str(error))
        return False
