"""Telephone numbers and postal addresses of people who are known already, one in a row.

Whose it is says the customer number, else the e-mail address. Somebody has one endpoint on each channel; a new one
takes the place of the old. An endpoint that is somebody else's is rejected: nobody could tell whose objection counts.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from contacts.importing import Field, Layout, Origin, Outcome, Reader, Rejected, Row, cells
from contacts.intakes import endpoint_rows
from contacts.models import Channel
from contacts.postal import postal_value
from core.keys import address_key
from core.sentences import say

FIELDS = (
    Field("number", aliases=("customer_no", "customer_number", "kundennummer")),
    Field("email", aliases=("e-mail", "mail")),
    Field("channel", required=True, aliases=("kanal",)),
    Field("phone", aliases=("telephone", "mobile", "telefon")),
    Field("street", aliases=("strasse", "straße")),
    Field("postcode", aliases=("zip", "plz")),
    Field("town", aliases=("city", "ort")),
    Field("country", aliases=("land",)),
)
CHANNELS = (Channel.PHONE, Channel.SMS, Channel.POST)
LONGEST = 200


class Reached(NamedTuple):
    """One row: whose endpoint it is, and the endpoint as it is kept."""

    number: str | None
    email: bytes | None
    channel: str
    value: str


class EndpointIntake:
    """Telephone numbers and postal addresses, as the Intake of `crusoe import endpoints`."""

    name = "endpoints"
    _said: Reader

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of an endpoint."""
        del session
        return FIELDS

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """An endpoint of nobody is useless."""
        del session
        whose = say("No column says whose the endpoints are.")
        layout.require_either("number", "email", message=whose, origin=origin)
        self._said = layout.reader(FIELDS)

    def read(self, cells_: Sequence[str]) -> Reached:
        """One endpoint, or `Rejected`."""
        said = self._said(cells_)
        channel = said["channel"].lower()
        if channel not in CHANNELS:
            raise Rejected(
                "channel",
                "channel_unknown",
                say("%(cell)s is none of %(known)s.", cell=repr(channel[:40]), known=", ".join(CHANNELS)),
            )
        number = cells.text(said["number"], field="number", longest=LONGEST)
        return Reached(
            number=number,
            email=None if number else address_key(cells.email(said["email"], field="email").key),
            channel=channel,
            value=_postal(said)
            if channel == Channel.POST
            else cells.phone(said["phone"], field="phone", country=said["country"]),
        )

    def identify(self, record: Reached) -> tuple[str, str]:
        """By person and channel."""
        who = record.number or (record.email or b"").hex()
        return f"{who}|{record.channel}", record.value

    def store(self, session: Session, rows: Sequence[Row[Reached]], *, rehearsal: bool) -> Outcome:
        """Store a chunk."""
        del rehearsal
        return endpoint_rows.store(session, [(row.line, *row.record) for row in rows])


def _postal(said: dict[str, str]) -> str:
    return postal_value(
        street=cells.required(said["street"], field="street", longest=LONGEST),
        postcode=cells.required(said["postcode"], field="postcode", longest=LONGEST),
        town=cells.required(said["town"], field="town", longest=LONGEST),
        country=cells.text(said["country"].upper(), field="country", longest=2),
    )
