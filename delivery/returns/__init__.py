"""What comes back: bounces, complaints and answers of machines, read without believing a word of them.

In: the bytes of a mail. Out: one `Returned` for each recipient, with what names our message. The order of the readers:
reports in standard form (RFC 3464, RFC 5965), bounces in odd forms, answers of machines (RFC 3834).
"""

from delivery.returns.classify import classify
from delivery.returns.kinds import Action, ReturnClass, Returned

__all__ = ["Action", "ReturnClass", "Returned", "classify"]
