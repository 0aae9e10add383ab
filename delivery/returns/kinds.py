"""What can come back for one recipient."""

from dataclasses import dataclass
from enum import StrEnum


class ReturnClass(StrEnum):
    """What something that came back means for the person, or for us."""

    # The address is dead, or the server said for good that it takes nothing for it.
    HARD = "hard"
    # It did not arrive; another mail may.
    SOFT = "soft"
    MAILBOX_FULL = "mailbox_full"
    # Our reputation, our set-up, or what the mail looks like. It says nothing about the person.
    POLICY = "policy"
    # The person called it spam (RFC 5965).
    COMPLAINT = "complaint"
    # A machine answered, not a person (RFC 3834).
    AUTO_REPLY = "auto_reply"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What the reporting server did with the mail (RFC 3464, section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True)
class Returned:
    """What came back about one recipient.

    `status` is the enhanced status code (RFC 3463), `reply_code` that of SMTP; `recipient` and `reason` stand as the
    reporting server wrote them. `rule` names the row of the table that decided. `names` are the Message-IDs and return
    paths that look like ours, nearest to the envelope first; only `delivery.return_path` knows whether they are.
    """

    kind: ReturnClass
    status: str | None = None
    reply_code: int | None = None
    recipient: str | None = None
    reason: str | None = None
    action: Action | None = None
    rule: str | None = None
    names: tuple[str, ...] = ()
