"""The ledger: what happened after a message left.

In come hits on signed links (through the spool, without a query per hit) and events that other stages record. Out go
the story of a message or a person, the numbers of a run, and how often somebody was written to. The rule served: only
as much is kept as the person allows now, `none`, `aggregate` or `individual` (Art. 5(3) of the ePrivacy directive), and
a raw hit is never changed; whether a person or a machine made it is a judgement beside it that can be made again.
"""

from tracking.departures import Departures, record_departures
from tracking.exposure import Sending, note_exposures
from tracking.forgetting import forget_reading
from tracking.ledger import Counts, Happening, Moment, counts, links_of_run, record, story
from tracking.links import store_links, targets_of_run, web_address
from tracking.models import EventKind, Verdict
from tracking.tokens import (
    AggregateToken,
    MessageToken,
    Purpose,
    make_aggregate_token,
    make_id_token,
    make_message_token,
    make_message_tokens,
    read_aggregate_token,
    read_id_token,
    read_message_token,
)
from tracking.verdict import READING, Hit, judge_alone

__all__ = [
    "READING",
    "AggregateToken",
    "Counts",
    "Departures",
    "EventKind",
    "Happening",
    "Hit",
    "MessageToken",
    "Moment",
    "Purpose",
    "Sending",
    "Verdict",
    "counts",
    "forget_reading",
    "judge_alone",
    "links_of_run",
    "make_aggregate_token",
    "make_id_token",
    "make_message_token",
    "make_message_tokens",
    "note_exposures",
    "read_aggregate_token",
    "read_id_token",
    "read_message_token",
    "record",
    "record_departures",
    "store_links",
    "story",
    "targets_of_run",
    "web_address",
]
