"""Who stands behind the token in a link: an address, and what the mail that carried it was about."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import choice
from contacts.models import Channel, Contact, Controller, Endpoint
from delivery.models import Message, Run, Sender
from suppression import ANSWERS
from tracking import MessageToken, Purpose, make_message_token, read_message_token

NEWSLETTER = "newsletter"


@dataclass(frozen=True)
class Recipient:
    """An address with the scope of the mail that led here. Absent parts were erased meanwhile, or never known.

    `address` is in clear and never shown in full; `purpose` is what the mail was for, `locale` the person's language.
    """

    token: MessageToken
    address: str | None
    contact_id: int | None
    purpose: str
    controller: Controller | None
    sender: Sender | None
    locale: str | None

    @property
    def address_id(self) -> int:
        """The row that stands for the address everywhere."""
        return self.token.address_id

    def token_for(self, purpose: Purpose) -> str:
        """A token of the same mail for another page."""
        token = self.token
        return make_message_token(
            purpose,
            run_id=token.run_id,
            message_id=token.message_id,
            address_id=token.address_id,
            sent_at=token.sent_at,
        )


def recipient(session: Session, *, purpose: Purpose, token: str) -> Recipient | None:
    """The recipient of the mail with this token; None when the token is not ours, or made for another page."""
    read = read_message_token(purpose, token)
    return None if read is None else of_message(session, read)


def of_message(session: Session, token: MessageToken) -> Recipient:
    """What is still known about a mail and the person it went to. Works when all of it was erased."""
    run = session.execute(
        select(Run.purpose, Sender, Controller)
        .join(Sender, Sender.id == Run.sender_id)
        .join(Controller, Controller.id == Sender.controller_id)
        .where(Run.id == token.run_id)
    ).first()
    person = session.execute(
        select(Endpoint.value, Endpoint.contact_id, Contact.language)
        .join(Contact, Contact.id == Endpoint.contact_id)
        .where(Endpoint.address_id == token.address_id, Endpoint.channel == Channel.EMAIL)
    ).first()
    chosen = choice(session, token.address_id).language
    return Recipient(
        token=token,
        address=person.value if person else None,
        contact_id=person.contact_id if person else None,
        purpose=purpose_of(run.purpose if run else None),
        controller=run.Controller if run else None,
        sender=run.Sender if run else None,
        locale=chosen or (person.language if person else None),
    )


def purpose_of(purpose: str | None) -> str:
    """What an objection to a mail is about: an answer to what somebody did is no list that one could leave.

    What is meant then is the advertising, as where nobody knows any more what the mail was for.
    """
    return NEWSLETTER if purpose is None or purpose in ANSWERS else purpose


def message_date(session: Session, message_id: int) -> datetime | None:
    """When a message was handed over."""
    return session.scalar(select(Message.handed_over_at).where(Message.id == message_id))
