"""Whose contacts only some people may see. Stages above know why; this is where they say it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, true

Hides = Callable[[Any], ColumnElement[bool]]

_HIDES: list[Hides] = []


def hide_contacts(hides: Hides) -> Hides:
    """Register a condition about a contact's id that hides the contact from most people."""
    _HIDES.append(hides)
    return hides


def is_visible(contact_id: Any) -> ColumnElement[bool]:
    """SQL: whether nothing hides the contact with this id."""
    return and_(true(), *(not_(hides(contact_id)) for hides in _HIDES))
