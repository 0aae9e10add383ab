"""Where a request came from, as far as the law wants it kept."""

from dataclasses import dataclass
from datetime import datetime

from contacts import Shown


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit of a recipient. `page` is the stored page on which the button was, `shown_at` when it was shown."""

    ip: str | None
    user_agent: str | None
    referrer: str | None = None
    page_url: str | None = None
    page: Shown | None = None
    shown_at: datetime | None = None
