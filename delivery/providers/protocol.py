"""What every provider is described with: how it is asked, what its answers mean, and how its calls are read. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.errors import NotAllowed
from core.sentences import say
from delivery.smtp import Mail, Outcome


@dataclass(frozen=True)
class Account:
    """Our account with a provider. `secret` signs us in; with `hook_secret` calls of the provider are checked."""

    url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    hook_secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Ask:
    """One POST that hands one mail over."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What a provider answered. Names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The body as a JSON object; an empty one when it is none."""
        found = self.document
        return found if isinstance(found, dict) else {}


class EventClass(StrEnum):
    """The closed list of what a provider may tell us; everything else that it tells is passed over."""

    DELIVERED = "delivered"
    SOFT_BOUNCE = "soft_bounce"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True)
class Told:
    """One event of a call: its identity with the provider, and what names our message (see `named`).

    `at` is when it happened, as the provider says; absent where it does not say. `final`: it tries no more. `source` is
    what it was read from, and is kept.
    """

    key: str
    kind: EventClass
    name: str
    recipient: str
    source: Mapping[str, Any] = field(repr=False)
    at: datetime | None = None
    status: str | None = None
    reason: str = ""
    final: bool = True


@dataclass(frozen=True)
class Call:
    """An HTTP call that came in. Names of headers are lower case."""

    headers: Mapping[str, str]
    body: bytes
    now: datetime

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The body as a JSON object. Raises Forged when it is none."""
        found = self.document
        if not isinstance(found, dict):
            raise Forged("hook_unreadable", say("The body is no JSON object."))
        return found

    @property
    def document(self) -> Any:
        """The body as JSON. Raises Forged when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Forged("hook_unreadable", say("The body is no JSON.")) from None


class Forged(NotAllowed):
    """A call that did not come from the provider, or came too late to be believed."""


@dataclass(frozen=True)
class Heard:
    """What a call says once its signature was found right. `note` is for the operator: what has to be done by hand."""

    events: tuple[Told, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider. `needs` and `may` are names of settings; `takes_raw`: our own MIME; `repeats_safely`: by a key."""

    name: str
    url: str
    ask: Callable[[Account, Mail, datetime], Ask]
    judge: Callable[[Answer], Outcome | None]
    hear: Callable[[Account, Call], Heard]
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    hook_secret: str = ""
    takes_raw: bool = False
    repeats_safely: bool = False
