"""Segments as a list, for pages."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select

from core.tables import Column, Table, contains
from segments.models import Segment


def table() -> Table:
    """The columns of the list."""
    return Table(
        columns=(
            Column("code", _("Code"), Segment.code),
            Column("name", _("Name"), Segment.name),
            Column("description", _("What it is for"), Segment.description, sortable=False),
            Column("updated_at", _("Changed"), Segment.updated_at),
        ),
        key=Segment.id,
        sort="code",
        export="segments.export",
        search=contains(Segment.code, Segment.name, Segment.description),
    )


def source() -> Select[Any]:
    """All segments."""
    return select(Segment)
