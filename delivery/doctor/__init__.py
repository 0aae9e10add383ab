"""The sender doctor: what the DNS says about the domains, keys and addresses with which we send.

In: a `Subject` and somebody who answers questions to the DNS. Out: findings, each with what was there, what to do, the
record to publish and the standard that asks for it.
"""

from delivery.doctor.findings import CATALOGUE, Effect, Finding, Record, Severity
from delivery.doctor.resolver import Resolver
from delivery.doctor.run import Examination, examine
from delivery.doctor.subject import Subject

__all__ = [
    "CATALOGUE",
    "Effect",
    "Examination",
    "Finding",
    "Record",
    "Resolver",
    "Severity",
    "Subject",
    "examine",
]
