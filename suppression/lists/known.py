"""The lists that can be read, by their ids."""

from suppression.lists import at_ecg_file
from suppression.lists.adapter import ListSpec, unknown

LISTS: dict[str, ListSpec] = {found.id: found for found in (at_ecg_file.SPEC,)}


def spec(list_id: str) -> ListSpec:
    """The adapter of this list."""
    if list_id not in LISTS:
        raise unknown(list_id, tuple(LISTS))
    return LISTS[list_id]
