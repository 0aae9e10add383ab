"""What a list must say about itself so that the rest of the program needs to know nothing more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import NotFound, WrongInput
from core.sentences import say

# What an import was told about a file, and what it found out: kept with the version, because matching needs it.
Reading = Mapping[str, Any]
Options = Mapping[str, str]


class EntryKind(StrEnum):
    """What an entry of a list names."""

    ADDRESS = "address"
    DOMAIN = "domain"
    PHONE = "phone"
    POSTAL = "postal"
    IDENTITY = "id"


class Access(StrEnum):
    """How a list is got at: a file that its operator hands out, or a service that is asked."""

    FILE = "file"
    SERVICE = "service"


class Evidence(StrEnum):
    """What proves a check: the digest of the file, the answer of the service, or a signature within that answer."""

    FILE = "file"
    ANSWER = "answer"
    SIGNATURE = "signature"


@dataclass(frozen=True)
class Hashing:
    """How the operator hashes. `clear`: not at all. Whatever is no binary digest of the operator is keyed by us."""

    algorithm: str = "clear"
    encoding: str = ""
    prefix: str = ""


class Candidate(NamedTuple):
    """An endpoint of ours that a list may name; in clear for as long as it takes to hash it.

    `post`: the postal address of the same contact, for lists that name people by it on other channels, too.
    """

    address_id: int
    value: str
    channel: str = "email"
    country: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    post: str | None = None


@dataclass(frozen=True)
class Contents:
    """What is in a file: digests in blocks, and what matching must know. Reading the blocks may still refuse it.

    `changes`: it only says what changed since the version in force; `dropped` are the entries to take away.
    `published_at`: when it says so itself. `canary`: entries of which one must be there, by the rule that makes it.
    """

    blocks: Iterable[list[bytes]]
    reading: Reading = field(default_factory=dict)
    changes: bool = False
    dropped: Sequence[bytes] = ()
    published_at: datetime | None = None
    canary: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a service said about some hashes. `proofs`: its signature for each hash, where it gives any."""

    listed: frozenset[str]
    proofs: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True)
class Service:
    """A list that is asked: at most `batch` hashes at a time. `ask` raises NotReachable whenever it cannot be sure."""

    batch: int
    hashes: Callable[[Candidate], tuple[str, ...]]
    ask: Callable[[Sequence[str]], Answer]
    is_set_up: Callable[[], bool]


def nothing_named(_candidate: Candidate, _reading: Reading) -> tuple[bytes, ...]:
    """For lists that name no single endpoint."""
    return ()


def no_domain_named(_domain: str, _reading: Reading) -> tuple[bytes, ...]:
    """For lists that name no domains."""
    return ()


@dataclass(frozen=True)
class ListSpec:
    """The contract of a list.

    `named` and `domain_named` make the entries that would name an endpoint or a domain. `read` opens a file; what
    cannot be this list is refused, before or while its blocks are read, and then nothing is stored. `max_age_days` is
    counted from publication and is what a company gets that sets nothing else. `defeats`: the bases for writing that a
    listing takes away. `keeps_hits`: whether we may keep who was listed. `keep_superseded`: whether the records of an
    older version stay; hits and counts stay anyway. `options`: what an import may be told, and what it means.
    `forbidden`: entries that the version before must not have, or the file was damaged.
    """

    id: str
    operator: str
    title: str
    country: str
    channels: tuple[str, ...]
    kinds: tuple[EntryKind, ...]
    normaliser: str
    match_rule: str
    max_age_days: int
    legal_basis: str
    defeats: tuple[str, ...]
    hashing: Hashing = Hashing()
    access: Access = Access.FILE
    evidence: Evidence = Evidence.FILE
    keeps_hits: bool = True
    keep_superseded: bool = False
    valid_from: date | None = None
    valid_to: date | None = None
    digest_size: int = 16
    named: Callable[[Candidate, Reading], tuple[bytes, ...]] = nothing_named
    domain_named: Callable[[str, Reading], tuple[bytes, ...]] = no_domain_named
    read: Callable[[Path, Options], Contents] | None = None
    service: Service | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    forbidden: Callable[[Path], Sequence[bytes]] | None = None

    def __post_init__(self) -> None:
        if (self.access is Access.FILE) != (self.read is not None) or (self.read is None) == (self.service is None):
            raise ValueError(f"{self.id}: a list is either read from a file or asked")

    def serves(self, channel: str, *, on: date) -> bool:
        """Whether it is about this channel and exists on this day. The last day is `valid_to` minus one."""
        begun = self.valid_from is None or self.valid_from <= on
        return channel in self.channels and begun and (self.valid_to is None or on < self.valid_to)

    @property
    def names_people(self) -> bool:
        """Whether an entry is a person with a postal address, so that more than the endpoint must be known."""
        return EntryKind.POSTAL in self.kinds


def unreadable(path: Path, error: OSError) -> WrongInput:
    """A file that the operating system does not let us read."""
    return WrongInput("list_unreadable", say("The file cannot be read: %(why)s.", why=error.strerror), where=str(path))


def empty(path: Path) -> WrongInput:
    """A file without any entry."""
    return WrongInput(
        "list_empty", say("The file is empty."), say("Fetch it again; the list in force stays."), str(path)
    )


def broken(path: Path, line: int, why: str) -> WrongInput:
    """A file with a record that this list cannot have. All of it is refused, since nobody knows what else is wrong."""
    return WrongInput(
        "list_broken",
        say("This file cannot be the list: %(why)s", why=why),
        say("Fetch it again; the list in force stays."),
        f"{path}:{line}" if line else str(path),
    )


def wrong_option(name: str, why: str, remedy: str = "") -> WrongInput:
    """An import was told something about the file that makes no sense."""
    return WrongInput("option_wrong", why, remedy, name)


def unknown(list_id: str, known: tuple[str, ...]) -> NotFound:
    """A list that no adapter reads."""
    return NotFound(
        "list_unknown",
        say("There is no list %(list_id)s.", list_id=list_id),
        say("Known lists: %(known)s.", known=", ".join(known)),
    )
