"""A file of orders and inquiries. With the notice on the right to object they make somebody an existing customer."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.importing import Field, Layout, Origin, Outcome, Reader, Rejected, Row, cells, stage
from contacts.intakes import order_rows
from contacts.models import Controller, PurchaseKind
from core.keys import address_key
from core.sentences import say

FIELDS = (
    Field("number", required=True, aliases=("order_id", "order_no", "order_number")),
    Field("customer_number", aliases=("customer_no", "kundennummer")),
    Field("email", aliases=("e-mail", "mail")),
    Field("ordered_at", required=True),
    Field("category"),
    Field("amount", required=True, aliases=("amount_eur",)),
    Field("currency"),
    Field("objection_notice_shown", required=True),
    Field("kind"),
    Field("controller"),
    Field("notice_version"),
)
LONGEST_NUMBER = 100
LONGEST_CATEGORY = 200
LETTERS_OF_A_CURRENCY = 3


class Order(NamedTuple):
    """One row: an order and who made it, by customer number or else by the hash of the address."""

    number: str
    customer: str | None
    key: bytes | None
    ordered_at: datetime
    category: str | None
    amount: Decimal
    currency: str
    objection_notice_shown: bool
    kind: str
    controller: str
    notice_version: str | None


class OrderIntake:
    """Orders, as the Intake of `crusoe import orders`."""

    name = "orders"
    _said: Reader

    def __init__(self) -> None:
        self._controllers: list[str] = []

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of an order."""
        del session
        return FIELDS

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """An order without a customer is useless. Rows that name no controller mean the first one."""
        whose = say("No column says whose the orders are.")
        layout.require_either("customer_number", "email", message=whose, origin=origin)
        self._said = layout.reader(FIELDS)
        self._controllers = list(session.scalars(select(Controller.code).order_by(Controller.id)))

    def read(self, cells_: Sequence[str]) -> Order:
        """One order, or `Rejected`."""
        said = self._said(cells_)
        customer = cells.text(said["customer_number"], field="customer_number", longest=LONGEST_NUMBER)
        ordered_at = cells.moment(said["ordered_at"], field="ordered_at")
        notice = cells.yes_or_no(said["objection_notice_shown"], field="objection_notice_shown")
        if ordered_at is None or notice is None:
            missing = "ordered_at" if ordered_at is None else "objection_notice_shown"
            raise Rejected(missing, "missing", say("This cell must not be empty."))
        return Order(
            number=cells.required(said["number"], field="number", longest=LONGEST_NUMBER),
            customer=customer,
            # The number is surer than the address, which the customer may have changed since.
            key=None if customer else address_key(cells.email(said["email"], field="email").key),
            ordered_at=ordered_at,
            category=cells.text(said["category"], field="category", longest=LONGEST_CATEGORY),
            amount=cells.number(said["amount"], field="amount"),
            currency=_currency(said["currency"]),
            objection_notice_shown=notice,
            kind=cells.one_of(said["kind"] or PurchaseKind.ORDER, list(PurchaseKind), field="kind"),
            controller=cells.one_of(said["controller"] or self._controllers[0], self._controllers, field="controller"),
            notice_version=cells.text(said["notice_version"], field="notice_version", longest=LONGEST_NUMBER),
        )

    def identify(self, record: Order) -> tuple[str, str]:
        """By order number."""
        return record.number, repr(record)

    def store(self, session: Session, rows: Sequence[Row[Order]], *, rehearsal: bool) -> Outcome:
        """Store a chunk. The last row about an order counts; an order of nobody we know is rejected."""
        del rehearsal
        staged = ((row.line, *row.record) for row in rows)
        stage(session, table="incoming", columns=order_rows.STAGED, rows=staged)
        return order_rows.store(session)


def _currency(cell: str) -> str:
    code = cell.upper() or "EUR"
    if len(code) != LETTERS_OF_A_CURRENCY or not (code.isascii() and code.isalpha()):
        raise Rejected(
            "currency",
            "not_a_currency",
            say("%(cell)s is no currency code such as EUR (ISO 4217).", cell=repr(cell[:40])),
        )
    return code
