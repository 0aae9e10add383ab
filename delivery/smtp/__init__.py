"""Speaking SMTP ourselves, phase by phase, because only then is it known what an ending means.

In: a server, an envelope and the bytes of a mail. Out: one of five values. `Unknown` is what a library call cannot tell
from `Deferred`: the final dot left and no answer came (RFC 1047, RFC 5321 section 6.1). Nothing in here tries twice.
"""

from delivery.smtp.connection import Connection
from delivery.smtp.conversation import Mail, Parcel
from delivery.smtp.envelope import is_mailbox
from delivery.smtp.exchange import Exchange, Post
from delivery.smtp.outcome import Accepted, Deferred, NotAttempted, Outcome, Phase, Refused, Unknown
from delivery.smtp.server import Security, Server, server_at
from delivery.smtp.session import Timeouts

__all__ = [
    "Accepted",
    "Connection",
    "Deferred",
    "Exchange",
    "Mail",
    "NotAttempted",
    "Outcome",
    "Parcel",
    "Phase",
    "Post",
    "Refused",
    "Security",
    "Server",
    "Timeouts",
    "Unknown",
    "is_mailbox",
    "server_at",
]
