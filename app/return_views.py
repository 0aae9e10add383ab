"""What came back from mail servers, as a list, and the messages about which nobody knows whether they arrived."""

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, Select, case, select

from app.views import routes
from app.wording import WORDS
from contacts import email_address, find_address
from contacts.models import Endpoint
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.tables import Column, Table
from core.web import acting, needs, page
from delivery import doubts, mail_id, send_once_more
from delivery.models import Message, ReturnedMail, ReturnedRow, Run, Sender
from delivery.states import MessageState


def _address_of(column: Any) -> Any:
    return select(Endpoint.value).where(Endpoint.address_id == column).order_by(Endpoint.id).limit(1).scalar_subquery()


_BELIEVED = case((ReturnedMail.message_id.is_not(None), "yes"), else_="no")


def _table() -> Table:
    return Table(
        columns=(
            Column("id", _("No."), ReturnedRow.id, number=True),
            Column("received_at", _("When"), ReturnedMail.received_at, sortable=False),
            Column("address", _("Address"), _address_of(ReturnedRow.address_id), sortable=False),
            Column("class", _("Meaning"), ReturnedRow.kind, sortable=False, choices=_labels("return_class")),
            Column("believed", _("Believed"), _BELIEVED, sortable=False, choices={"yes": _("yes"), "no": _("no")}),
            Column("reason", _("What the server said"), ReturnedRow.reason, sortable=False),
            Column("campaign", _("Campaign"), Run.name, sortable=False),
        ),
        hidden=(
            Column("status", _("Codes"), ReturnedRow.status),
            Column("reply_code", _("Reply code"), ReturnedRow.reply_code),
            Column("message_id", _("Message no."), ReturnedMail.message_id),
            Column("contact_id", _("Contact no."), Message.contact_id),
            Column("rule", _("Rule"), ReturnedRow.rule),
            Column("way", _("Way in"), ReturnedMail.way),
            Column("fault", _("Could not be read"), ReturnedMail.fault),
        ),
        key=ReturnedRow.id,
        sort="id",
        export="app.export_returned",
        descending=True,
        search=lambda words: _about(words, ReturnedRow.address_id),
        moment=ReturnedMail.received_at,
    )


def _labels(kind: str) -> dict[str, str]:
    return {code: str(word.label) for code, word in WORDS[kind].items()}


def _source() -> Select[Any]:
    joined = select(ReturnedRow).join(ReturnedMail, ReturnedMail.id == ReturnedRow.mail_id)
    return joined.outerjoin(Message, Message.id == ReturnedMail.message_id).outerjoin(Run, Run.id == Message.run_id)


def _about(words: str, address: Any) -> ColumnElement[bool]:
    """A whole address; else the beginning of a campaign's name."""
    if "@" not in words:
        found: ColumnElement[bool] = Run.name.istartswith(words, autoescape=True)
        return found
    try:
        with transaction() as session:
            address_id = find_address(session, words)
    except CrusoeError:
        address_id = None
    about: ColumnElement[bool] = address == address_id
    return about


@routes.get("/returned")
@needs(Permission.SEE_SUPPRESSION)
def returned() -> ResponseReturnValue:
    """What came back, latest first."""
    return page("app/returned.html", listing=listed(_table(), _source()))


@routes.post("/returned/export")
@needs(Permission.EXPORT_CONTACTS)
def export_returned() -> ResponseReturnValue:
    """The list as CSV."""
    return table_as_csv(_table(), _source(), name="returned")


def _doubtful() -> Table:
    return Table(
        columns=(
            Column("id", _("Message no."), Message.id, number=True),
            Column("handed_over_at", _("When"), Message.handed_over_at, sortable=False),
            Column("campaign", _("Campaign"), Run.name, sortable=False),
            Column("address", _("Address"), _address_of(Message.address_id), sortable=False),
            Column("attempts", _("Tries"), Message.attempts, sortable=False, number=True),
            Column("answer", _("Why nobody knows"), Message.reply_text, sortable=False),
            Column("from_address", _("Message-ID"), Sender.from_address, sortable=False),
        ),
        hidden=(
            Column("reply_code", _("Reply code"), Message.reply_code),
            Column("contact_id", _("Contact no."), Message.contact_id),
        ),
        key=Message.id,
        sort="id",
        export="app.export_unknown",
        descending=True,
        search=lambda words: _about(words, Message.address_id),
    )


def _in_doubt() -> Select[Any]:
    joined = select(Message).join(Run, Run.id == Message.run_id).join(Sender, Sender.id == Run.sender_id)
    return joined.where(Message.state == MessageState.UNKNOWN)


def _name(message_id: int, from_address: str) -> str:
    """The Message-ID under which the log of a relay knows the mail."""
    return mail_id(message_id=message_id, domain=email_address(from_address).domain)


@routes.get("/unknown")
@needs(Permission.SEE_SUPPRESSION)
def unknown() -> ResponseReturnValue:
    """The messages in doubt, and the runs that they belong to."""
    return _unknown()


def _unknown(error: CrusoeError | None = None) -> str:
    listing = listed(_doubtful(), _in_doubt())
    with transaction() as session:
        runs = doubts(session)
    return page("app/unknown.html", listing=listing, runs=runs, named=_name, error=error)


@routes.post("/unknown/export")
@needs(Permission.EXPORT_CONTACTS)
def export_unknown() -> ResponseReturnValue:
    """The list as CSV."""
    return table_as_csv(_doubtful(), _in_doubt(), name="unknown")


@routes.post("/unknown/<int:run_id>")
@needs(Permission.LAUNCH_CAMPAIGNS)
def send_unknown_once_more(run_id: int) -> ResponseReturnValue:
    """Send what is in doubt once more."""
    try:
        with transaction() as session:
            count = send_once_more(session, run_id=run_id, actor=acting().email, user_id=acting().id)
    except CrusoeError as error:
        return _unknown(error), error.status
    flash(ngettext("%(num)s message is sent once more.", "%(num)s messages are sent once more.", count))
    return redirect(url_for("app.unknown"))
