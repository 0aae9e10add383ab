"""Imports as a list: who imported what, when, and what came of it."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select

from app.imports.models import ImportJob, ImportState
from app.wording import WORDS
from core.tables import Column, Table, contains


def table() -> Table:
    """The columns of the list."""
    kinds = {kind: str(word.label) for kind, word in WORDS["import_kind"].items()}
    states = {state.value: str(WORDS["import"][state].label) for state in ImportState}
    return Table(
        columns=(
            Column("id", _("No."), ImportJob.id, number=True),
            Column("created_at", _("When"), ImportJob.created_at),
            Column("name", _("File"), ImportJob.name),
            Column("kind", _("What it holds"), ImportJob.kind, sortable=False, choices=kinds),
            Column("state", _("State"), ImportJob.state, sortable=False, choices=states),
            Column("rows", _("Rows"), ImportJob.rows, number=True),
            Column("rejected", _("Rejected"), ImportJob.rejected, number=True),
            Column("asked_by", _("Who"), ImportJob.asked_by),
        ),
        hidden=(Column("dry_run", _("only counted"), ImportJob.dry_run),),
        key=ImportJob.id,
        sort="id",
        export="app.export_imports",
        descending=True,
        search=contains(ImportJob.name, ImportJob.asked_by),
    )


def source() -> Select[Any]:
    """All imports."""
    return select(ImportJob)
