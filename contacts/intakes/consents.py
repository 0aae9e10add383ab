"""A double opt-in log: who asked and who confirmed, when, from where, under which words.

Each row becomes a consent and one or two events with their evidence. A newer confirmation wins over an older one, and
nothing here makes a confirmation older or takes a withdrawal back that came after it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.address_book import domain_key
from contacts.consents import DOUBLE_OPT_IN
from contacts.importing import Field, Layout, Origin, Outcome, Reader, Rejected, Row, cells, stage
from contacts.intakes import consent_rows
from contacts.models import Channel, Controller
from contacts.phones import phone_key
from core.keys import address_key
from core.sentences import say

FIELDS = (
    Field("email", aliases=("e-mail", "mail")),
    Field("phone", aliases=("telephone", "mobile", "telefon")),
    Field("country", aliases=("land",)),
    Field("channel"),
    Field("purpose"),
    Field("basis", required=True),
    Field("text_version", required=True),
    Field("requested_at", required=True),
    Field("request_ip"),
    Field("confirmed_at", required=True),
    Field("confirm_ip"),
    Field("source"),
    Field("evidence_ref", aliases=("recording", "scan")),
    Field("controller"),
    Field("old_system", aliases=("system",)),
    Field("attested_by"),
)
# What a consent can rest on. Spoken words and letters count where something that proves them is named.
BASES = {
    Channel.EMAIL: (DOUBLE_OPT_IN,),
    Channel.SMS: (DOUBLE_OPT_IN, "written", "recorded"),
    Channel.PHONE: ("written", "recorded"),
}
LONGEST_CODE = 100
LONGEST_SOURCE = 500


class Given(NamedTuple):
    """One row: a consent as it was asked for and, where `confirmed_at` is there, confirmed."""

    key: bytes
    domain_key: bytes
    controller: str
    channel: str
    purpose: str
    basis: str
    text_version: str
    requested_at: datetime
    request_ip: str | None
    confirmed_at: datetime | None
    confirm_ip: str | None
    source: str | None
    evidence_ref: str | None
    old_system: str | None
    attested_by: str | None


class ConsentIntake:
    """Consents, as the Intake of `crusoe import consents`.

    `old_system` and `attested_by` are said of every row that does not say it itself: which system took them down, and
    who vouches for its records.
    """

    name = "consents"
    _said: Reader

    def __init__(self, *, old_system: str | None = None, attested_by: str | None = None) -> None:
        self._vouched = {"old_system": old_system, "attested_by": attested_by}
        self._controllers: list[str] = []
        self._origin: Origin | None = None

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of a consent."""
        del session
        return FIELDS

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """Take note of the controllers; rows that name none mean the first one."""
        whose = say("No column says whose the consents are.")
        layout.require_either("email", "phone", message=whose, origin=origin)
        self._said = layout.reader(FIELDS)
        self._controllers = list(session.scalars(select(Controller.code).order_by(Controller.id)))
        self._origin = origin

    def read(self, cells_: Sequence[str]) -> Given:
        """One consent, or `Rejected`."""
        said = self._said(cells_)
        channel = cells.one_of(said["channel"] or Channel.EMAIL, list(BASES), field="channel")
        key, domain = _address(said, channel)
        requested_at = cells.moment(said["requested_at"], field="requested_at")
        confirmed_at = cells.moment(said["confirmed_at"], field="confirmed_at")
        if requested_at is None:
            raise Rejected("requested_at", "missing", say("This cell must not be empty."))
        if confirmed_at is not None and confirmed_at < requested_at:
            raise Rejected("confirmed_at", "before_request", say("The confirmation is older than the request."))
        return Given(
            key=key,
            domain_key=domain,
            controller=cells.one_of(said["controller"] or self._controllers[0], self._controllers, field="controller"),
            channel=channel,
            purpose=cells.required(said["purpose"] or "newsletter", field="purpose", longest=LONGEST_CODE),
            basis=cells.one_of(said["basis"], BASES[Channel(channel)], field="basis"),
            text_version=cells.required(said["text_version"], field="text_version", longest=LONGEST_CODE),
            requested_at=requested_at,
            request_ip=cells.ip(said["request_ip"], field="request_ip"),
            confirmed_at=confirmed_at,
            confirm_ip=cells.ip(said["confirm_ip"], field="confirm_ip"),
            source=cells.text(said["source"], field="source", longest=LONGEST_SOURCE),
            evidence_ref=cells.text(said["evidence_ref"], field="evidence_ref", longest=LONGEST_SOURCE),
            old_system=self._told(said, "old_system"),
            attested_by=self._told(said, "attested_by"),
        )

    def _told(self, said: dict[str, str], field: str) -> str | None:
        return cells.text(said[field] or self._vouched[field] or "", field=field, longest=LONGEST_CODE)

    def identify(self, record: Given) -> tuple[str, str]:
        """By address, controller, channel, purpose and the moments; every other row is a step of its own."""
        who = f"{record.key.hex()}|{record.controller}|{record.channel}|{record.purpose}"
        return who, f"{record.requested_at}|{record.confirmed_at}"

    def store(self, session: Session, rows: Sequence[Row[Given]], *, rehearsal: bool) -> Outcome:
        """Store a chunk and seal its events."""
        if self._origin is None:
            raise RuntimeError("prepare comes before store")
        given = ((row.line, *row.record) for row in rows)
        stage(session, table="incoming", columns=consent_rows.STAGED, rows=given)
        return consent_rows.store(session, origin=self._origin, rehearsal=rehearsal)


def _address(said: dict[str, str], channel: str) -> tuple[bytes, bytes]:
    """What stands for the address, and for its domain; a telephone number has none and stands for itself."""
    if channel == Channel.EMAIL:
        email = cells.email(said["email"], field="email")
        return address_key(email.key), domain_key(email.domain)
    number = cells.phone(said["phone"], field="phone", country=said["country"])
    key = address_key(phone_key(number))
    return key, key
