"""The entries of the suppression list as a table. Addresses stand in it only where a contact still has them."""

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select

from contacts.models import Endpoint
from core.tables import Column, Table
from suppression.models import Cause, SuppressionEntry, SuppressionLift

_address = (
    select(Endpoint.value)
    .where(Endpoint.address_id == SuppressionEntry.address_id)
    .order_by(Endpoint.id)
    .limit(1)
    .scalar_subquery()
)
_lifted = (
    select(SuppressionLift.at).where(SuppressionLift.entry_id == SuppressionEntry.id).correlate(SuppressionEntry)
).scalar_subquery()


def table() -> Table:
    """Columns of the list."""
    causes = {
        Cause.OPTED_OUT.value: _("opted out"),
        Cause.COMPLAINT.value: _("complaint"),
        Cause.HARD_BOUNCE.value: _("hard bounce"),
        Cause.INTERNAL_BLOCK.value: _("blocked by us"),
        Cause.DECEASED.value: _("deceased"),
        Cause.RESTRICTED.value: _("restricted"),
        Cause.MINOR.value: _("minor"),
        Cause.CASE_OPEN.value: _("case open"),
    }
    return Table(
        columns=(
            Column("id", _("No."), SuppressionEntry.id, number=True),
            Column("address", _("Address"), _address, sortable=False),
            Column("cause", _("Cause"), SuppressionEntry.cause, sortable=False, choices=causes),
            Column("at", _("When"), SuppressionEntry.at),
            Column("source", _("Source"), SuppressionEntry.source, sortable=False),
            Column("lifted", _("Lifted"), _lifted, sortable=False),
        ),
        hidden=(
            Column("purpose", _("Purpose"), SuppressionEntry.purpose),
            Column("channel", _("Channel"), SuppressionEntry.channel),
        ),
        key=SuppressionEntry.id,
        sort="id",
        export="suppression.export",
        descending=True,
        search=_search,
    )


def _search(words: str) -> ColumnElement[bool]:
    fitting = func.lower(Endpoint.value).contains(words.lower(), autoescape=True)
    return SuppressionEntry.address_id.in_(select(Endpoint.address_id).where(fitting))
