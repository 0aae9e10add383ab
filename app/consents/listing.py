"""All consents as a list: how each was given, where it stands, when it was last used, and what its evidence lacks."""

import re
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, String, and_, case, cast, false, func, or_, select
from sqlalchemy.orm import Session

from app.wording import WORDS
from contacts import find_address, find_phone, is_visible, kind_column, missing_column
from contacts.consent_models import Consent
from contacts.models import Controller, Endpoint
from core.db import transaction
from core.errors import NotFound
from core.permissions import Permission
from core.sentences import say
from core.tables import Column, Table
from core.web import current_actor
from tracking.models import Exposure

STATE = case(
    (
        and_(
            Consent.withdrawn_at.is_not(None),
            or_(Consent.confirmed_at.is_(None), Consent.withdrawn_at >= Consent.confirmed_at),
        ),
        "withdrawn",
    ),
    (Consent.confirmed_at.is_not(None), "confirmed"),
    else_="requested",
)

# A UUID without its hyphens.
_DIGITS = 32
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}").fullmatch

_last_use = (
    select(func.max(Exposure.last_at))
    .where(
        Exposure.address_id == Consent.address_id,
        Exposure.channel == Consent.channel,
        Exposure.purpose == Consent.purpose,
        Exposure.basis == "consent",
    )
    .scalar_subquery()
)


def table(purposes: list[str]) -> Table:
    """The columns; `purposes` are those that can be filtered by."""
    kinds, states = _labels("consent_kind"), _labels("consent", "requested", "confirmed", "withdrawn")
    missing = missing_column()
    return Table(
        columns=(
            Column("id", _("No."), Consent.id, number=True),
            Column("address", _("Address or number"), Endpoint.value, sortable=False),
            Column("purpose", _("Purpose"), Consent.purpose, choices={one: one for one in purposes}),
            Column("kind", _("How given"), kind_column(), sortable=False, choices=kinds),
            Column("state", _("State"), STATE, sortable=False, choices=states),
            Column(
                "missing",
                _("Evidence"),
                case((func.cardinality(missing) > 0, "1"), else_="0"),
                sortable=False,
                choices={"1": _("incomplete"), "0": _("complete")},
            ),
            Column("requested_at", _("Asked on"), Consent.requested_at),
            Column("confirmed_at", _("Confirmed on"), Consent.confirmed_at),
            Column("last_use_at", _("Last used on"), _last_use, sortable=False),
        ),
        hidden=(
            Column("channel", _("Channel"), Consent.channel),
            Column("reference", _("Reference"), cast(Consent.reference, String)),
            Column("lacking", _("Missing"), missing),
            Column("controller", _("To"), Controller.name),
            Column("contact_id", "", Endpoint.contact_id),
        ),
        key=Consent.id,
        sort="id",
        export="app.export_consents",
        descending=True,
        search=_search,
    )


def _labels(kind: str, *only: str) -> dict[str, str]:
    return {code: str(word.label) for code, word in WORDS[kind].items() if not only or code in only}


def purposes(session: Session) -> list[str]:
    """Every purpose that anybody was asked for."""
    return list(session.scalars(select(Consent.purpose).distinct().order_by(Consent.purpose)))


def source() -> Select[Any]:
    """What the columns are read from: consents of people whom the signed-in person may see, and of nobody any more."""
    joined = (
        select(Consent)
        .join(Controller, Controller.id == Consent.controller_id)
        .outerjoin(Endpoint, and_(Endpoint.address_id == Consent.address_id, Endpoint.channel == Consent.channel))
    )
    person = current_actor()
    if person is not None and person.may(Permission.SEE_RESTRICTED):
        return joined
    return joined.where(or_(Endpoint.contact_id.is_(None), is_visible(Endpoint.contact_id)))


def _search(words: str) -> ColumnElement[bool]:
    """A reference or its beginning; or a whole address or number, also of somebody who was erased."""
    if "@" in words or words.startswith(("+", "00")):
        with transaction() as session:
            known = find_address(session, words) if "@" in words else find_phone(session, words)
        return Consent.address_id == known if known is not None else false()
    return begins(words)


def begins(words: str) -> ColumnElement[bool]:
    """The references that begin so, as a range: an index answers that, and none the comparison of text."""
    digits = words.lower().replace("-", "")
    if not _HEXADECIMAL(digits):
        return false()
    return Consent.reference.between(UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f")))


def by_reference(session: Session, reference: str) -> Consent:
    """The consent with this reference; NotFound when there is none."""
    try:
        wanted = UUID(reference)
    except ValueError:
        wanted = None
    found = session.scalar(select(Consent).where(Consent.reference == wanted)) if wanted else None
    if found is None:
        raise NotFound("consent_unknown", say("There is no consent %(reference)s.", reference=reference[:60]))
    return found


def incomplete(session: Session, *, purpose: str | None = None) -> list[dict[str, Any]]:
    """Consents whose evidence lacks something, in groups that lack the same; one query, most frequent first."""
    asked = select(
        Consent.reference,
        Consent.channel,
        Consent.purpose,
        kind_column().label("kind"),
        STATE.label("state"),
        missing_column().label("missing"),
    ).where(Consent.confirmed_at.is_not(None))
    each = (asked.where(Consent.purpose == purpose) if purpose else asked).offset(0).subquery("each_consent")
    grouped = (each.c.kind, each.c.channel, each.c.purpose, each.c.state, each.c.missing)
    rows = session.execute(
        select(*grouped, func.count().label("consents"), func.array_agg(cast(each.c.reference, String)).label("all"))
        .where(func.cardinality(each.c.missing) > 0)
        .group_by(*grouped)
        .order_by(func.count().desc(), *grouped)
    )
    return [
        {
            "kind": row.kind,
            "channel": row.channel.value,
            "purpose": row.purpose,
            "state": row.state,
            "missing": sorted(row.missing),
            "consents": row.consents,
            "references": sorted(row.all),
        }
        for row in rows
    ]


def confirmed(session: Session, *, purpose: str | None = None) -> int:
    """How many consents there are that somebody confirmed."""
    asked = select(func.count(Consent.id)).where(Consent.confirmed_at.is_not(None))
    return session.scalar(asked.where(Consent.purpose == purpose) if purpose else asked) or 0
