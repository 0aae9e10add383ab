"""The ways out of all senders: which carry mail, which rest and why, and where their providers call."""

from typing import Any

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Select, case, select

from app.views import routes
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.sentences import unpacked
from core.settings import settings
from core.tables import Column, Table, contains
from core.web import needs, page
from delivery.models import Sender, Transport

_STATE = case((~Transport.enabled, "off"), (Transport.away_since.is_not(None), "away"), else_="working")


def _table() -> Table:
    states = {"working": _("works"), "away": _("rests"), "off": _("switched off")}
    return Table(
        columns=(
            Column("code", _("Code"), Transport.code),
            Column("sender", _("Sender"), Sender.code),
            Column("kind", _("Kind"), Transport.kind),
            Column("position", _("Position"), Transport.position, number=True),
            Column("weight", _("Weight"), Transport.weight, number=True),
            Column("state", _("State"), _STATE, choices=states),
            Column("called_at", _("Last call of the provider"), Transport.called_at, sortable=False),
        ),
        hidden=(
            Column("url", _("Address"), Transport.url),
            Column("away_since", _("Away since"), Transport.away_since),
            Column("away_text", _("What it said"), Transport.away_text),
            Column("next_try_at", _("Asked again"), Transport.next_try_at),
            Column("call_note", "", Transport.call_note),
        ),
        key=Transport.id,
        sort="sender",
        export="app.export_transports",
        search=contains(Transport.code, Sender.code, Transport.kind, Transport.url),
    )


def _source() -> Select[Any]:
    return select(Transport).join(Sender, Sender.id == Transport.sender_id)


@routes.get("/transports")
@needs(Permission.SEE_SENDERS)
def transport_list() -> ResponseReturnValue:
    """All ways out, with what workers found out about them."""
    listing = listed(_table(), _source())
    return page("app/transports.html", listing=listing, base=settings().public_url, unpacked=unpacked)


@routes.post("/transports/export")
@needs(Permission.SEE_SENDERS)
def export_transports() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(_table(), _source(), name="transports")
