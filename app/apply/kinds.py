"""The kinds of things that a folder can hold, in the order in which they need each other.

Each kind can say what is wanted (with files read in), what is there now in the same words, and write it. `current` and
`wanted` are compared key by key: that is the difference that people see, and equal means nothing to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.apply import documents, transports
from app.apply.schema import CampaignItem, ControllerItem, FieldItem, Item, SenderItem, TemplateItem
from campaigns import Plan
from campaigns import save as save_campaign
from campaigns.models import Campaign
from contacts import ControllerPlan, define_field, save_consent_text, save_controller, save_privacy_notice
from contacts.consent_models import ConsentText
from contacts.models import Controller, FieldDefinition
from core.errors import WrongInput
from core.sentences import say
from delivery import SenderPlan, checked_limits, checked_windows, save_sender
from delivery.models import Sender
from preferences import FormPlan, save_form
from preferences.models import SignupForm
from segments import parse
from segments import save as save_segment
from segments.models import Segment
from templates import Draft
from templates import save as save_template
from templates.models import Template, TemplateVersion

Values = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Kind:
    """One section of the files. `key` is the value that people know a thing by."""

    section: str
    wanted: Callable[[Any, Path], Values]
    current: Callable[[Session, Values], Values | None]
    write: Callable[[Session, Values, str], object]
    key: str = "code"


def plain(item: Item, folder: Path) -> Values:
    """The item as it stands."""
    del folder
    return item.model_dump()


def _columns(session: Session, table: Any, values: Values, *names: str, key: str = "code") -> Values | None:
    row = session.scalar(select(table).where(getattr(table, key) == values[key]))
    return None if row is None else {name: getattr(row, name) for name in names}


def _current_controller(session: Session, values: Values) -> Values | None:
    return _columns(session, Controller, values, *ControllerItem.model_fields)


def _wanted_controller(item: ControllerItem, folder: Path) -> Values:
    return plain(item, folder) | {"imprint": item.imprint.strip()}


def _current_field(session: Session, values: Values) -> Values | None:
    return _columns(session, FieldDefinition, values, *FieldItem.model_fields, key="name")


def _write_field(session: Session, values: Values, actor: str) -> None:
    del actor
    define_field(session, **values)


def _current_text(session: Session, values: Values) -> Values | None:
    row = session.scalar(
        select(ConsentText).where(ConsentText.version == values["version"], ConsentText.locale == values["locale"])
    )
    if row is not None and row.text != values["text"]:
        raise WrongInput(
            "consent_text_fixed",
            say(
                "Consent text %(version)s (%(locale)s) is what people agreed to and cannot be changed.",
                version=row.version,
                locale=row.locale,
            ),
            say("Give the new words a new version."),
            where="text",
        )
    return None if row is None else {"version": row.version, "locale": row.locale, "text": row.text}


def _current_sender(session: Session, values: Values) -> Values | None:
    names = [name for name in SenderItem.model_fields if name != "controller"]
    found = _columns(session, Sender, values, *names)
    if found is None:
        return None
    controller = session.scalar(
        select(Controller.code).join(Sender, Sender.controller_id == Controller.id).where(Sender.code == values["code"])
    )
    return found | {"controller": controller}


def _wanted_sender(item: SenderItem, folder: Path) -> Values:
    return plain(item, folder) | {
        "return_domain": item.return_domain or item.from_address.rpartition("@")[2].lower(),
        "limits": checked_limits(item.limits),
    }


def _wanted_segment(item: Any, folder: Path) -> Values:
    del folder
    values: Values = item.model_dump(exclude={"definition"})
    return values | {"definition": parse(item.definition).data}


def _current_segment(session: Session, values: Values) -> Values | None:
    found = _columns(session, Segment, values, "code", "name", "description", "definition")
    return None if found is None else found | {"definition": parse(found["definition"]).data}


def _write_segment(session: Session, values: Values, actor: str) -> None:
    save_segment(session, **values | {"definition": parse(values["definition"])}, actor=actor)


def _wanted_template(item: TemplateItem, folder: Path) -> Values:
    body = item.body if item.body_file is None else _file(folder, item.body_file, "body_file")
    text = item.text if item.text_file is None else _file(folder, item.text_file, "text_file")
    if body is None:
        raise WrongInput("body_missing", say("A template needs `body` or `body_file`."), where="code")
    return item.model_dump(exclude={"body_file", "text_file"}) | {"body": body, "text": text}


def _file(folder: Path, name: str, field: str) -> str:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise WrongInput("file_outside", say("%(name)s lies outside the folder.", name=name), where=field)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise WrongInput(
            "file_missing", say("There is no file %(name)s beside this one.", name=name), where=field
        ) from error
    except UnicodeDecodeError as error:
        raise WrongInput(
            "encoding", say("%(name)s is not UTF-8.", name=name), say("Save it as UTF-8."), where=field
        ) from error


def _current_template(session: Session, values: Values) -> Values | None:
    row = session.execute(
        select(Template, TemplateVersion)
        .join(TemplateVersion, TemplateVersion.template_id == Template.id)
        .where(Template.code == values["code"])
        .order_by(TemplateVersion.number.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    template, version = row
    names = ("locale", "subject", "preheader", "markup", "body", "text")
    return {"code": template.code, "name": template.name} | {name: getattr(version, name) for name in names}


def _write_template(session: Session, values: Values, actor: str) -> None:
    rest = {name: value for name, value in values.items() if name not in {"code", "name"}}
    save_template(session, code=values["code"], name=values["name"], draft=Draft(**rest), author=actor)


def _current_form(session: Session, values: Values) -> Values | None:
    row = session.execute(
        select(SignupForm, Controller.code, Sender.code)
        .join(Controller, Controller.id == SignupForm.controller_id)
        .join(Sender, Sender.id == SignupForm.sender_id)
        .where(SignupForm.code == values["code"])
    ).first()
    if row is None:
        return None
    form, controller, sender = row
    names = ("code", "purpose", "text_version", "topics", "privacy_version", "frequency")
    return {name: getattr(form, name) for name in names} | {"controller": controller, "sender": sender}


def _write_form(session: Session, values: Values, actor: str) -> None:
    del actor
    save_form(session, plan=FormPlan(**values))


def _wanted_campaign(item: CampaignItem, folder: Path) -> Values:
    return plain(item, folder) | {"windows": checked_windows(item.windows)}


def _current_campaign(session: Session, values: Values) -> Values | None:
    row = session.execute(
        select(Campaign, Segment.code, Template.code, Sender.code)
        .join(Segment, Segment.id == Campaign.segment_id)
        .join(Template, Template.id == Campaign.template_id)
        .join(Sender, Sender.id == Campaign.sender_id)
        .where(Campaign.code == values["code"])
    ).first()
    if row is None:
        return None
    campaign, segment, template, sender = row
    names = ("code", "name", "purpose", "topic", "tracking", "scheduled_at", "windows", "most_late", "author")
    found = {name: getattr(campaign, name) for name in names}
    # The author of a campaign is who touched it last, in the browser perhaps: that is no difference to the file.
    return found | {"segment": segment, "template": template, "sender": sender, "author": values["author"]}


def _write_campaign(session: Session, values: Values, actor: str) -> None:
    del actor
    documents.require_topic(session, values["topic"])
    plan = {name: value for name, value in values.items() if name != "author"}
    save_campaign(session, plan=Plan(**plan), actor=values["author"])


KINDS: tuple[Kind, ...] = (
    Kind(
        "controllers",
        _wanted_controller,
        _current_controller,
        lambda session, values, _: save_controller(session, plan=ControllerPlan(**values)),
    ),
    Kind("fields", plain, _current_field, _write_field, key="name"),
    Kind(
        "consent_texts",
        plain,
        _current_text,
        lambda session, values, _: save_consent_text(session, **values),
        key="version",
    ),
    Kind(
        "privacy_notices",
        plain,
        documents.current_privacy_notice,
        lambda session, values, _: save_privacy_notice(session, **values),
        key="version",
    ),
    Kind(
        "senders",
        _wanted_sender,
        _current_sender,
        lambda session, values, _: save_sender(session, plan=SenderPlan(**values)),
    ),
    Kind("transports", transports.wanted, transports.current, transports.write),
    Kind("segments", _wanted_segment, _current_segment, _write_segment),
    Kind("templates", _wanted_template, _current_template, _write_template),
    Kind("rules", documents.wanted_rules, documents.current_rules, documents.write_rules, key="-"),
    Kind("score", documents.wanted_score, documents.current_score, documents.write_score, key="-"),
    Kind("sales", plain, documents.current_sales, documents.write_sales, key="user"),
    Kind("webhooks", plain, documents.current_webhook, documents.write_webhook, key="name"),
    Kind("forms", plain, _current_form, _write_form),
    Kind("campaigns", _wanted_campaign, _current_campaign, _write_campaign),
)
