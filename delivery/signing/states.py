"""Where a key is on its way: drawn, signing, followed by a newer one, retired. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from delivery.signing.models import Algorithm


class KeyState(StrEnum):
    """`followed`: it signs nothing any more, but mails that it signed may still be on their way."""

    DRAWN = "drawn"
    SIGNING = "signing"
    FOLLOWED = "followed"
    RETIRED = "retired"


class Key(Protocol):
    """What has to be known of a key to tell where it is."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def algorithm(self) -> Algorithm: ...  # noqa: D102
    @property
    def active_from(self) -> datetime | None: ...  # noqa: D102
    @property
    def retired_at(self) -> datetime | None: ...  # noqa: D102


K = TypeVar("K", bound=Key)


def signing(keys: Iterable[K]) -> list[K]:
    """The keys of one domain that sign: the newest active one of each algorithm, RSA first.

    Receivers that know only one of them read the first signature that they understand.
    """
    newest: dict[Algorithm, K] = {}
    for key in sorted(keys, key=_order):
        if key.active_from is not None and key.retired_at is None:
            newest[key.algorithm] = key
    return [newest[algorithm] for algorithm in Algorithm if algorithm in newest]


def followed_at(key: Key, keys: Sequence[Key]) -> datetime | None:
    """Since when a newer key of the same algorithm signs instead of this one."""
    later = [
        other.active_from
        for other in keys
        if other.algorithm is key.algorithm and other.active_from and key.active_from and _order(other) > _order(key)
    ]
    return min(later, default=None)


def state_of(key: Key, keys: Sequence[Key]) -> KeyState:
    """Where this key is, among all keys of its domain."""
    if key.retired_at is not None:
        return KeyState.RETIRED
    if key.active_from is None:
        return KeyState.DRAWN
    return KeyState.SIGNING if any(key.id == other.id for other in signing(keys)) else KeyState.FOLLOWED


def _order(key: Key) -> tuple[float, int]:
    return (key.active_from.timestamp() if key.active_from else 0.0, key.id)
