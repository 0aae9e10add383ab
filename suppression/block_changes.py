"""Who changed the block list, when and why: every entry of ours, every lift, every file, as the audit log has them."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from core import days
from core.audit import AuditEvent
from core.tables import Column, Table, contains
from suppression.block_list import WHAT
from suppression.models import SuppressionEntry

# What changes the list besides the actions on single entries: files, and what a person may ask for.
FILES = ("import.blocks", "import.optouts", "import.results")
PEOPLE = ("person.restrict", "person.erase")

is_change: ColumnElement[bool] = or_(
    AuditEvent.object_type == "suppression_entry", AuditEvent.action.in_((*FILES, *PEOPLE))
)
_KIND = SuppressionEntry.evidence["kind"].astext
_ROWS = func.coalesce(AuditEvent.details["created"].astext, AuditEvent.details["people"].astext)
# Two people lift an entry; who asked stands in the details of the agreement.
_ASKED_BY = AuditEvent.details["asked_by"].astext


def source() -> Select[Any]:
    """Changes, with the entry that each is about where it is about one."""
    entry = and_(
        AuditEvent.object_type == "suppression_entry", cast(SuppressionEntry.id, String) == AuditEvent.object_id
    )
    return select(AuditEvent).outerjoin(SuppressionEntry, entry).where(is_change)


def table() -> Table:
    """Columns of the page."""
    return Table(
        columns=(
            Column("id", _("No."), AuditEvent.id, number=True),
            Column("at", _("When"), AuditEvent.at),
            Column("actor", _("Who"), AuditEvent.actor),
            Column("action", _("Did what"), AuditEvent.action, sortable=False, choices=actions()),
            Column("what", _("To what"), WHAT, sortable=False),
            Column("reason", _("Why"), AuditEvent.reason, sortable=False),
        ),
        hidden=(
            Column("object_type", "", AuditEvent.object_type),
            Column("object_id", _("Entry"), AuditEvent.object_id),
            Column("kind", _("Kind"), _KIND),
            Column("rows", _("How many"), _ROWS),
            Column("asked_by", _("Asked by"), _ASKED_BY),
        ),
        key=AuditEvent.id,
        sort="id",
        export="suppression.export_block_changes",
        descending=True,
        search=contains(
            AuditEvent.actor, AuditEvent.reason, AuditEvent.object_id, SuppressionEntry.evidence["what"].astext
        ),
        moment=AuditEvent.at,
    )


def actions() -> dict[str, str]:
    """What the changes are called."""
    return {
        "suppression.block": _("blocked"),
        "suppression.note_objection": _("noted an objection"),
        "suppression.ask_lift": _("asked to lift"),
        "suppression.lift": _("agreed to lift"),
        "suppression.refuse_lift": _("refused to lift"),
        "suppression.open_case": _("opened a case"),
        "suppression.close_case": _("closed a case"),
        "suppression.restore": _("read back from the journal"),
        "import.blocks": _("imported blocks"),
        "import.optouts": _("imported opt-outs"),
        "import.results": _("imported results of calls and letters"),
        "person.restrict": _("restricted a person"),
        "person.erase": _("erased a person"),
    }


def changes(session: Session, *, by: str | None, asked: dict[str, str | None]) -> list[dict[str, Any]]:
    """The same for the command, the newest first."""
    columns = {
        "at": AuditEvent.at, "by": AuditEvent.actor, "action": AuditEvent.action, "entry": AuditEvent.object_id,
        "what": WHAT, "kind": _KIND, "reason": AuditEvent.reason, "asked_by": _ASKED_BY, "rows": _ROWS,
    }  # fmt: skip
    query = source().with_only_columns(
        *(column.label(name) for name, column in columns.items()), maintain_column_froms=True
    )
    query = query.where(*days.between(AuditEvent.at, days.chosen(asked)))
    if by:
        query = query.where(AuditEvent.actor == by.strip().lower())
    return [dict(zip(columns, row, strict=True)) for row in session.execute(query.order_by(AuditEvent.id.desc()))]
