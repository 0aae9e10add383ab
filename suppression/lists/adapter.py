"""What a list must say about itself so that the rest of the program needs to know nothing more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import NotFound, WrongInput
from core.sentences import say


@dataclass(frozen=True)
class ListSpec:
    """A kind of list. `address_digests` and `domain_digests` make the entries that would name an address or a domain.

    `check` refuses a file that cannot be this list, before anything is stored, and answers the number of its records;
    `read` answers the records in blocks of digests. `max_age_days` is what a company gets that sets nothing else.
    """

    id: str
    operator: str
    title: str
    country: str
    channels: tuple[str, ...]
    digest_size: int
    max_age_days: int
    address_digests: Callable[[str], tuple[bytes, ...]]
    domain_digests: Callable[[str], tuple[bytes, ...]]
    check: Callable[[Path], int]
    read: Callable[[BinaryIO], Iterator[list[bytes]]]


def digests(spec: ListSpec, address: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The entries that would name this address: as an address, and by its domain."""
    return spec.address_digests(address), spec.domain_digests(address.rpartition("@")[2])


def unreadable(path: Path, error: OSError) -> WrongInput:
    """A file that the operating system does not let us read."""
    return WrongInput("list_unreadable", say("The file cannot be read: %(why)s.", why=error.strerror), where=str(path))


def unknown(list_id: str, known: tuple[str, ...]) -> NotFound:
    """A list that no adapter reads."""
    return NotFound(
        "list_unknown",
        say("There is no list %(list_id)s.", list_id=list_id),
        say("Known lists: %(known)s.", known=", ".join(known)),
    )
