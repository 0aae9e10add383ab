"""The blocks of the house as rows: for the page, for the command and for the file that another installation imports."""

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, String, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from contacts.models import Address, Controller, Endpoint
from core.tables import Column, Table, csv_line, safe
from suppression.block_targets import HASH
from suppression.blocks import BlockKind
from suppression.models import Cause, SuppressionEntry, SuppressionLift

# Everything but what recipients and mail servers said.
CAUSES = (Cause.INTERNAL_BLOCK, Cause.DECEASED, Cause.MINOR, Cause.RESTRICTED, Cause.CASE_OPEN)
FILE = ("what", "kind", "channel", "purpose", "controller", "until", "reason")

_address = (
    select(Endpoint.value)
    .where(Endpoint.address_id == SuppressionEntry.address_id)
    .order_by(Endpoint.id)
    .limit(1)
    .scalar_subquery()
)
_hash = (
    select(literal(HASH).concat(func.encode(Address.key, "hex")))
    .where(Address.id == SuppressionEntry.address_id)
    .scalar_subquery()
)
_lifted = select(SuppressionLift.at).where(SuppressionLift.entry_id == SuppressionEntry.id).scalar_subquery()
_controller = select(Controller.code).where(Controller.id == SuppressionEntry.controller_id).scalar_subquery()

WHAT: ColumnElement[str] = func.coalesce(_address, SuppressionEntry.evidence["what"].astext, _hash, "")
KIND: ColumnElement[str] = func.coalesce(
    SuppressionEntry.evidence["kind"].astext,
    case(
        (SuppressionEntry.cause == Cause.INTERNAL_BLOCK, BlockKind.OWN_DECISION.value),
        else_=cast(SuppressionEntry.cause, String),
    ),
)
STATE: ColumnElement[str] = case(
    (_lifted.is_not(None), "lifted"), (SuppressionEntry.until <= func.now(), "over"), else_="stands"
)


def source() -> Select[Any]:
    """All blocks of the house, lifted ones and those that are over included."""
    return select(SuppressionEntry).where(SuppressionEntry.cause.in_(CAUSES))


def rows(session: Session, *, everything: bool = False) -> Iterator[dict[str, Any]]:
    """The blocks that stand, or all there ever were: entry, the columns of the file, at, source, state."""
    columns = {
        "entry": SuppressionEntry.id, "what": WHAT, "kind": KIND, "channel": SuppressionEntry.channel,
        "purpose": SuppressionEntry.purpose, "controller": _controller, "until": SuppressionEntry.until,
        "reason": SuppressionEntry.evidence["reason"].astext, "at": SuppressionEntry.at,
        "source": SuppressionEntry.source, "state": STATE,
    }  # fmt: skip
    query = source().with_only_columns(*(column.label(name) for name, column in columns.items()))
    if not everything:
        query = query.where(STATE == "stands")
    for row in session.execute(query.order_by(SuppressionEntry.id).execution_options(yield_per=1000)):
        yield dict(zip(columns, row, strict=True))


def as_csv(session: Session) -> Iterator[str]:
    """The blocks that stand, as lines of the file that `crusoe block import` reads. Cases stay with their system."""
    yield csv_line(list(FILE))
    for row in rows(session):
        if row["kind"] != Cause.CASE_OPEN and row["what"]:
            yield csv_line([safe(row[name]) for name in FILE])


def kinds() -> dict[str, str]:
    """What the kinds are called."""
    return {
        BlockKind.OWN_DECISION.value: _("own decision"),
        BlockKind.COMPETITOR.value: _("competitor"),
        BlockKind.ROLE_ACCOUNT.value: _("address of a desk"),
        BlockKind.DECEASED.value: _("deceased"),
        BlockKind.MINOR.value: _("minor"),
        BlockKind.RESTRICTED.value: _("restricted"),
        Cause.CASE_OPEN.value: _("case open"),
    }


def table() -> Table:
    """Columns of the page."""
    states = {"stands": _("stands"), "over": _("over"), "lifted": _("lifted")}
    return Table(
        columns=(
            Column("id", _("No."), SuppressionEntry.id, number=True),
            Column("what", _("What"), WHAT, sortable=False),
            Column("kind", _("Kind"), KIND, sortable=False, choices=kinds()),
            Column("scope", _("For"), SuppressionEntry.channel, sortable=False),
            Column("until", _("Until"), SuppressionEntry.until),
            Column("reason", _("Reason"), SuppressionEntry.evidence["reason"].astext, sortable=False),
            Column("state", _("State"), STATE, sortable=False, choices=states),
        ),
        hidden=(
            Column("purpose", _("Purpose"), SuppressionEntry.purpose),
            Column("controller", _("From whom"), _controller),
            Column("at", _("When"), SuppressionEntry.at),
            Column("source", _("Source"), SuppressionEntry.source),
        ),
        key=SuppressionEntry.id,
        sort="id",
        export="suppression.export_blocks",
        descending=True,
        search=_search,
    )


def _search(words: str) -> ColumnElement[bool]:
    fitting = select(Endpoint.address_id).where(Endpoint.value.icontains(words, autoescape=True))
    return or_(
        SuppressionEntry.evidence["what"].astext.icontains(words, autoescape=True),
        SuppressionEntry.evidence["reason"].astext.icontains(words, autoescape=True),
        SuppressionEntry.source.icontains(words, autoescape=True),
        SuppressionEntry.address_id.in_(fitting),
    )
