"""Sign-up forms: made by configuration, used by everybody."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import privacy_notice
from contacts.consent_models import ConsentPage, ConsentText
from contacts.models import Controller
from core.errors import NotFound, WrongInput
from core.sentences import say
from delivery.models import Sender
from preferences.models import SignupForm


@dataclass(frozen=True, kw_only=True)
class FormPlan:
    """What somebody wants a form to be; controller and sender by their codes.

    `privacy_version` names the privacy notice that can be read there; `frequency` says in words how often mail comes.
    """

    code: str
    sender: str
    text_version: str
    controller: str = "default"
    purpose: str = "newsletter"
    topics: list[str] = field(default_factory=list)
    privacy_version: str | None = None
    frequency: str | None = None


@dataclass(frozen=True)
class OpenForm:
    """A form that takes sign-ups, with the words that people agree to in the language of the reader."""

    id: int
    code: str
    purpose: str
    controller: Controller
    sender: Sender
    text: ConsentText
    privacy: ConsentPage | None
    frequency: str | None
    topics: tuple[str, ...]


def save_form(session: Session, *, plan: FormPlan) -> SignupForm:
    """Create the form or bring it to this plan. Raises WrongInput when something that it names is missing."""
    controller_id = session.scalar(select(Controller.id).where(Controller.code == plan.controller))
    sender = session.scalar(select(Sender).where(Sender.code == plan.sender))
    if controller_id is None or sender is None:
        raise WrongInput(
            "form_incomplete", say("Form %(code)s needs an existing controller and sender.", code=plan.code)
        )
    if session.scalar(select(ConsentText.id).where(ConsentText.version == plan.text_version).limit(1)) is None:
        raise WrongInput(
            "consent_text_unknown",
            say("Form %(code)s: there is no consent text %(version)s.", code=plan.code, version=plan.text_version),
            say("Write the words that people agree to first."),
        )
    if plan.privacy_version and privacy_notice(session, version=plan.privacy_version, locale="en") is None:
        raise WrongInput(
            "privacy_notice_unknown",
            say(
                "Form %(code)s: there is no privacy notice %(version)s.",
                code=plan.code,
                version=plan.privacy_version,
            ),
            say("Write the privacy notice first."),
        )
    form = session.scalar(select(SignupForm).where(SignupForm.code == plan.code))
    if form is None:
        form = SignupForm(code=plan.code)
        session.add(form)
    form.controller_id, form.sender_id = controller_id, sender.id
    form.purpose, form.text_version, form.topics = plan.purpose, plan.text_version, list(plan.topics)
    form.privacy_version, form.frequency = plan.privacy_version, plan.frequency
    form.closed_at = None
    session.flush()
    return form


def open_form(session: Session, *, code: str, locale: str) -> OpenForm:
    """The form with this code, its words in this language or the one that there is. NotFound when it is closed."""
    row = session.execute(
        select(SignupForm, Controller, Sender)
        .join(Controller, Controller.id == SignupForm.controller_id)
        .join(Sender, Sender.id == SignupForm.sender_id)
        .where(SignupForm.code == code, SignupForm.closed_at.is_(None))
    ).first()
    text = row and words(session, version=row.SignupForm.text_version, locale=locale)
    if row is None or text is None:
        raise NotFound("form_unknown", say("There is no such form."))
    form, controller, sender = row
    notice = form.privacy_version and privacy_notice(session, version=form.privacy_version, locale=locale)
    return OpenForm(
        id=form.id,
        code=form.code,
        purpose=form.purpose,
        controller=controller,
        sender=sender,
        text=text,
        privacy=notice or None,
        frequency=form.frequency,
        topics=tuple(form.topics),
    )


def words(session: Session, *, version: str, locale: str) -> ConsentText | None:
    """The words of this version in this language, or in one that there is."""
    return session.scalar(
        select(ConsentText)
        .where(ConsentText.version == version)
        .order_by((ConsentText.locale != locale), (ConsentText.locale != "en"), ConsentText.id)
        .limit(1)
    )
