"""Person or machine: a judgement over raw hits that can be made again at any time.

Security gateways, image proxies and previews open mails and follow links before people do. They stand out by their
name, by asking only for the head, by saying that they look ahead, by being faster than a mail can be read, or by
following many links at once. What is doubtful counts as a person: the reasons stay visible beside the hit.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from tracking.models import EventKind, Verdict

# Nobody reads a mail, decides and clicks within this time after it was handed over.
READING = timedelta(seconds=3)

# All links of a mail within this time is a scanner, and of a long mail this many; a person opens one, perhaps two.
BURST = timedelta(seconds=5)
FEWEST_OF_A_BURST = 3
MOST_OF_A_BURST = 6

# Fetch pictures for a reader or ahead of one, from servers of their own. Apple's says nothing but "Mozilla/5.0".
_PROXIES = re.compile(
    r"GoogleImageProxy|YahooMailProxy|YahooCacheSystem|OutlookImageProxy|DuckDuckGo-Favicons|^Mozilla/5\.0$"
)

# Follow links to look for harm; in none of the lists of robots, because they do not crawl.
_SCANNERS = re.compile(
    r"barracuda|mimecast|proofpoint|fireeye|symantec|messagelabs|trendmicro|forcepoint|safelinks|urldefense"
    r"|ironport|sophos|zscaler|fortinet|fortimail|cloudmark|trustwave|retarus|hornetsecurity|vade",
    re.IGNORECASE,
)

# Mail programs that the list of robots takes for robots.
_MAIL_PROGRAMS = frozenset({"Outlook", "Thunderbird", "Apple Mail", "Windows Live Mail", "Lotus Notes", "Postbox"})


@dataclass(frozen=True, slots=True)
class Hit:
    """What the judgement looks at. `sent_at` is absent for aggregate hits, `user_agent` is empty when none was sent."""

    kind: EventKind
    at: datetime
    method: str
    user_agent: str
    prefetch: bool = False
    sent_at: datetime | None = None
    link_id: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict and its reason, a stable code."""

    verdict: Verdict
    reason: str


HUMAN = Judgement(Verdict.HUMAN, "no_sign_of_a_machine")


def judge_alone(hit: Hit) -> Judgement:
    """What one hit says by itself."""
    if hit.method == "HEAD":
        return Judgement(Verdict.MACHINE, "head_request")
    if hit.prefetch:
        return Judgement(Verdict.MACHINE, "prefetch")
    reason = machine_by_name(hit.user_agent)
    if reason:
        return Judgement(Verdict.MACHINE, reason)
    if hit.sent_at is not None and hit.at - hit.sent_at < READING:
        return Judgement(Verdict.MACHINE, "too_fast")
    return HUMAN


def judge(hits: Sequence[Hit], *, links: int) -> list[Judgement]:
    """The judgements over hits of one message, in their order. `links`: how many links its mail has.

    A hit depends on nothing but itself and the clicks within `BURST` before and after it; so judging again when more
    arrives gives the same as judging everything at the end.
    """
    several = _links_close_by(hits)
    scanned = max(FEWEST_OF_A_BURST, min(links, MOST_OF_A_BURST))
    return [
        Judgement(Verdict.MACHINE, "many_links_at_once")
        if alone is HUMAN and several.get(number, 0) >= scanned
        else alone
        for number, alone in enumerate(map(judge_alone, hits))
    ]


def _links_close_by(hits: Sequence[Hit]) -> dict[int, int]:
    """For every click, by its place in `hits`: how many different links were followed within `BURST` of it."""
    clicks = sorted((hit.at, number) for number, hit in enumerate(hits) if hit.kind is EventKind.CLICK)
    window: Counter[int | None] = Counter()
    several: dict[int, int] = {}
    first = last = 0
    for at, number in clicks:
        while last < len(clicks) and clicks[last][0] <= at + BURST:
            window[hits[clicks[last][1]].link_id] += 1
            last += 1
        while clicks[first][0] < at - BURST:
            window[hits[clicks[first][1]].link_id] -= 1
            first += 1
        several[number] = sum(1 for times in window.values() if times)
    return several


@lru_cache(maxsize=10_000)
def machine_by_name(user_agent: str) -> str | None:
    """The reason why a user agent is none of a person, or None. Kept, because a campaign sees the same few thousand."""
    if not user_agent:
        return "no_user_agent"
    if _PROXIES.search(user_agent):
        return "image_proxy"
    if _SCANNERS.search(user_agent):
        return "link_scanner"
    # Imported late: reading their patterns takes a tenth of a second, and few processes judge.
    from ua_parser import parse

    parsed = parse(user_agent)
    if parsed.user_agent and parsed.user_agent.family in _MAIL_PROGRAMS:
        return None
    if (parsed.device and parsed.device.family == "Spider") or _robots().isCrawler(user_agent):
        return "robot"
    return None


@cache
def _robots() -> Any:
    from crawlerdetect import CrawlerDetect

    return CrawlerDetect()
