"""The part of verify.py that checks a bundle about a campaign: every message of it, row by row.

It reads the large files line by line and remembers a few bytes of each decision, so a million of them take some
hundred megabytes. Like verify.py it needs nothing but Python 3.8 or newer.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

KNOT = 256

Document = Dict[str, Any]
Digests = Dict[int, Tuple[bytes, int]]
Fields = Callable[[str], List[Optional[str]]]


class Broken(Exception):
    """Something in the bundle is not as it was written."""


def fingerprint(parts: List[Any]) -> bytes:
    """A few bytes that stand for what is told or sealed about one decision."""
    return sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).digest()[:16]


def number(text: Optional[str]) -> Optional[int]:
    """A number in a row, or nothing."""
    return None if text is None else int(text)


def sealed(row: List[Optional[str]], seq: int, beside: List[Optional[str]]) -> bytes:
    """The fingerprint of a sealed decision: its own fields, and those that all decisions of its batch share."""
    reasons = [one for one in str(row[4]).strip("{}").split(",") if one]
    shared = [beside[0], int(str(beside[5])), json.loads(str(beside[6])), str(beside[7]).replace(" ", "T")]
    return fingerprint([number(row[1]), number(row[2]), row[3], reasons, row[5], *map(number, row[6:10]), seq, *shared])


def told(message: Document, one: Document) -> bytes:
    """The fingerprint of the same decision as messages.jsonl tells it."""
    rests_on = [one["consent_id"], one["purchase_id"], one["entry_id"], one["list_version_id"]]
    shared = [one["stage"], one["rules_version"], one["list_versions"], one["decided_at"]]
    about = [message["message"], message["address"], one["verdict"], one["reasons"], one["basis"]]
    return fingerprint([*about, *rests_on, one["batch"], *shared])


class Batch:
    """A batch on its way through: the digest of the knots so far, and how many rows there were."""

    def __init__(self, head: Document) -> None:
        self.head = head
        self.rows = 0
        self._knots: List[bytes] = []
        self._knot = sha256()

    def take(self, leaf: bytes) -> None:
        """Add the digest of the next row."""
        self._knot.update(leaf)
        self.rows += 1
        if self.rows % KNOT == 0:
            self._end_knot()

    def check(self, digests: Digests) -> None:
        """Compare the root with the seal."""
        if self.rows % KNOT:
            self._end_knot()
        root = sha256(sha256(self.head["beside"].encode("utf-8")).digest() + b"".join(self._knots)).digest()
        if (root, self.rows) != digests[self.head["batch"]] or self.rows != self.head["rows"]:
            raise Broken("decision %d: the seal does not fit" % self.head["batch"])

    def _end_knot(self) -> None:
        self._knots.append(self._knot.digest())
        self._knot = sha256()


def lines(path: Path) -> Iterator[Any]:
    """The values of a file with one JSON value on each line."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line.decode("utf-8"))


def read_decisions(path: Path, digests: Digests, fields: Fields) -> Dict[int, bytes]:
    """Check every batch against its seal; answers the fingerprint of each decision that is shown, by its id."""
    known: Dict[int, bytes] = {}
    batch: Optional[Batch] = None
    beside: List[Optional[str]] = []
    for value in lines(path):
        if isinstance(value, dict) and "batch" in value:
            if batch:
                batch.check(digests)
            batch, beside = Batch(value), fields(value["beside"])
        elif batch is None:
            raise Broken("%s: does not begin with a batch" % path.name)
        elif isinstance(value, dict):
            batch.take(bytes.fromhex(value["sha256"]))
        else:
            batch.take(sha256(value.encode("utf-8")).digest())
            row = fields(value)
            known[int(str(row[0]))] = sealed(row, batch.head["batch"], beside)
    if batch:
        batch.check(digests)
    return known


def count(counts: Dict[str, int], name: str) -> None:
    """One more of these."""
    counts[name] = counts.get(name, 0) + 1


def check_messages(path: Path, known: Dict[int, bytes], counts: Document) -> int:
    """Every decision that is told was sealed so, every sealed one is told, and the sums of campaign.json fit."""
    states: Dict[str, int] = {}
    verdicts: Dict[str, int] = {}
    last = rows = 0
    for message in lines(path):
        if message["message"] <= last:
            raise Broken("messages.jsonl: message %d stands in a wrong place" % message["message"])
        last = message["message"]
        for one in message["decisions"]:
            if known.pop(one["id"], None) != told(message, one):
                raise Broken("messages.jsonl: decision %s is not what was sealed" % one["id"])
            rows += 1
        count(states, message["state"])
        if message["decisions"]:
            first = max(message["decisions"], key=lambda one: int(one["id"]))
            count(verdicts, "%s %s" % (first["verdict"], (first["reasons"] or [None])[0]))
    if known:
        raise Broken("messages.jsonl: decision %d is sealed and not told" % min(known))
    if states != counts["states"]:
        raise Broken("campaign.json: the messages by state do not add up")
    if verdicts != {"%s %s" % (one["verdict"], one["reason"]): one["messages"] for one in counts["verdicts"]}:
        raise Broken("campaign.json: the messages by verdict do not add up")
    return rows


def check_plan(story: Document, rows: Dict[str, Dict[str, List[Any]]]) -> None:
    """Approvals and the log say what was sealed, and the wording is the one that was approved."""
    wordings = {one["sha256"] for one in story["template"]["versions"]}
    for one in story["approvals"]:
        row = rows["approval"][str(one["id"])]
        # The document says what somebody looked at; it is no part of what the approval stands and falls with.
        bound = {name: value for name, value in one["bound"].items() if name != "document"}
        written = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if sha256(written.encode("utf-8")).hexdigest() != one["sha256"]:
            raise Broken("campaign.json: approval %s is bound to something else" % one["id"])
        if json.loads(row[6]) != one["bound"] or [row[2], row[3], row[5], row[7]] != [
            one["action"],
            one["by"],
            "\\x" + one["sha256"],
            one["reason"],
        ]:
            raise Broken("campaign.json: approval %s is not what was sealed" % one["id"])
        # What is sent back was perhaps being written anew; what is submitted is frozen.
        if one["action"] != "send_back" and one["bound"]["content"]["sha256"] not in wordings:
            raise Broken("campaign.json: the wording of approval %s is missing" % one["id"])
    for one in story["log"]:
        row = rows["audit"][str(one["id"])]
        if [row[2], row[4], row[7]] != [one["actor"], one["action"], one["reason"]]:
            raise Broken("campaign.json: line %s of the log is not what was sealed" % one["id"])
    for one in story["template"]["versions"]:
        parts = [one[name] for name in ("locale", "subject", "preheader", "markup", "body", "text")]
        if sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8")).hexdigest() != one["sha256"]:
            raise Broken("campaign.json: version %s of the wording was changed" % one["number"])


def check(folder: Path, digests: Digests, rows: Dict[str, Dict[str, List[Any]]], fields: Fields) -> int:
    """Check what is told about a campaign; answers how many sealed decisions it tells."""
    story: Document = json.loads((folder / "campaign.json").read_text(encoding="utf-8"))
    check_plan(story, rows)
    if not (folder / "messages.jsonl").is_file():
        return 0
    known = read_decisions(folder / "chains" / "decision.jsonl", digests, fields)
    return check_messages(folder / "messages.jsonl", known, story["counts"])
