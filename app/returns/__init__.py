"""Ways in for mail that comes back, and where each mail goes: to `delivery`, or to `preferences` when it is an opt-out.

The receiver (LMTP or SMTP), the mailbox (IMAP) and the pipe all end in `take`.
"""

from app.returns.dispatch import Taken, take

__all__ = ["Taken", "take"]
