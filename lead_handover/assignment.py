"""Who gets a lead: the territory first, then whose turn it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import WrongInput
from core.sentences import say

# What a territory may narrow, and the field of the contact that it is compared with.
TERRITORY = {"countries": "country", "languages": "language", "kinds": "kind"}
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Seller:
    """Somebody who takes leads, and when the last one was given."""

    id: int
    territory: Mapping[str, Sequence[str]]
    last_given_at: datetime | None = None

    def covers(self, contact: Mapping[str, Any]) -> bool:
        """Whether the contact lies in the territory; an empty territory is the whole world."""
        return all(contact.get(TERRITORY[key]) in wanted for key, wanted in self.territory.items())


def choose(sellers: Sequence[Seller], contact: Mapping[str, Any]) -> Seller | None:
    """The seller for a contact: one whose territory names it before one who takes any, and then the longest waiting."""
    able = [seller for seller in sellers if seller.covers(contact)]
    return min(
        able,
        key=lambda seller: (not seller.territory, seller.last_given_at or _NEVER, seller.id),
        default=None,
    )


def checked_territory(territory: Mapping[str, Any]) -> dict[str, list[str]]:
    """A territory with known keys and lists of texts, or WrongInput."""
    for key, values in territory.items():
        if key not in TERRITORY:
            raise WrongInput(
                "territory_invalid",
                say("A territory has no %(name)s.", name=repr(key[:40])),
                say("Known: %(known)s.", known=", ".join(TERRITORY)),
            )
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise WrongInput("territory_invalid", say("%(name)s takes a list of texts, like [AT, DE].", name=key))
    return {key: list(values) for key, values in territory.items()}
