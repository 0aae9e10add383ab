"""What may stand in each section of the YAML files."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contacts.models import FieldType, TrackingLevel
from templates.models import Markup

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Item(BaseModel):
    """One entry of a section: unknown keys are mistakes, not wishes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ControllerItem(Item):
    """A legal entity or brand."""

    code: Code
    name: Name
    imprint: str
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    privacy_url: str | None = None


class FieldItem(Item):
    """A custom field of contacts."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    label: Name
    type: FieldType
    choices: list[str] | None = None


class SenderItem(Item):
    """Who mails come from."""

    code: Code
    controller: Code = "default"
    from_name: Name
    from_address: str
    reply_to: str | None = None
    return_domain: str | None = None
    transport_url: str | None = None
    most_per_second: int | None = Field(None, ge=1)
    limits: dict[str, Any] = {}
    dkim_selector: Code | None = None


class TransportItem(Item):
    """A way out of a sender: a mail server, or an account with a provider. Secrets are named, never written here."""

    code: Code
    sender: Code
    kind: Code
    url: str = ""
    settings: dict[str, str] = {}
    secret_env: Name | None = None
    hook_secret_env: Name | None = None
    position: int = Field(0, ge=0, le=100)
    weight: int = Field(1, ge=1, le=1000)
    enabled: bool = True
    limits: dict[str, Any] = {}


class SegmentItem(Item):
    """Whom we mean."""

    code: Code
    name: Name
    description: str = ""
    definition: Any


class TemplateItem(Item):
    """What we say. `body_file` and `text_file` stand beside the YAML file."""

    code: Code
    name: Name
    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"
    subject: Name
    preheader: str = ""
    markup: Markup = Markup.MJML
    body: str | None = None
    body_file: str | None = None
    text: str | None = None
    text_file: str | None = None


class CampaignItem(Item):
    """A campaign, by the codes of its parts."""

    code: Code
    name: Name
    segment: Code
    template: Code
    sender: Code
    purpose: Code = "newsletter"
    topic: Name | None = None
    tracking: TrackingLevel = TrackingLevel.INDIVIDUAL
    scheduled_at: datetime | None = None
    windows: dict[str, Any] | None = None
    most_late: int | None = Field(None, ge=1, le=100_000)
    author: str = "apply"


class FormItem(Item):
    """A public sign-up form."""

    code: Code
    controller: Code = "default"
    sender: Code
    purpose: Code = "newsletter"
    text_version: Name
    privacy_version: Name | None = None
    frequency: Name | None = None
    topics: list[Name] = []


class ConsentTextItem(Item):
    """A version of the words that people agree to. Never changed once it is there."""

    version: Name
    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    text: Name


class PrivacyNoticeItem(ConsentTextItem):
    """A version of the privacy notice that people can read where they sign up. Never changed once it is there."""

    text: Annotated[str, StringConstraints(min_length=1)]


class WebhookItem(Item):
    """Where leads are sent to, and `events` besides them. `loopback` allows this very machine, for trials."""

    name: Code
    url: str
    loopback: bool = False
    events: list[str] = []


class SalesItem(Item):
    """A user who takes leads, and which ones: countries, kinds."""

    user: str
    territory: dict[str, list[str]] = {}


SECTIONS: dict[str, type[Item]] = {
    "controllers": ControllerItem,
    "fields": FieldItem,
    "consent_texts": ConsentTextItem,
    "privacy_notices": PrivacyNoticeItem,
    "senders": SenderItem,
    "transports": TransportItem,
    "segments": SegmentItem,
    "templates": TemplateItem,
    "forms": FormItem,
    "sales": SalesItem,
    "webhooks": WebhookItem,
    "campaigns": CampaignItem,
}

# One document each, in the words of the stage that reads it.
DOCUMENTS = ("rules", "score")
