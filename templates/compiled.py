"""What a campaign says, in the form that the hot path needs, and what comes out for one recipient.

Made once per campaign by `templates.compile`, stored as JSON with the run, and turned into one mail by `render`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

from templates.vocabulary import RENEW


@dataclass(frozen=True)
class Compiled:
    """One wording with everything in it that does not depend on the recipient.

    `subject`, `html` and `text` are sources for the sandbox; `url_0`, `url_1`, ... stand where the targets in `links`
    belong. `fields` are the contact fields that are merged, so that nobody loads more than these. `constants` are merge
    values that are the same for all recipients. `unsubscribable` is false for answers to what a person just did, such
    as the mail that asks for a confirmation: these have no unsubscribe link in their footer.
    """

    locale: str
    subject: str
    html: str
    text: str
    links: tuple[str, ...]
    fields: tuple[str, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    unsubscribable: bool = True
    version_id: int | None = None

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over the content: what an approval is bound to and what compiled templates are cached by."""
        return sha256(json.dumps(self.to_document(), sort_keys=True, ensure_ascii=False).encode()).digest()

    @cached_property
    def asks_again(self) -> bool:
        """Whether it asks the recipient to confirm the consent anew."""
        return asks_again({"html": self.html, "text": self.text})

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self) | {"links": list(self.links), "fields": list(self.fields)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Compiled":
        """From what `to_document` made."""
        values = dict(document)
        return cls(**values | {"links": tuple(values["links"]), "fields": tuple(values["fields"])})


def asks_again(document: Mapping[str, Any]) -> bool:
    """Whether the content of a run asks its recipients to confirm their consent anew."""
    return any(RENEW in str(document.get(part, "")) for part in ("html", "text"))


class Urls(NamedTuple):
    """The addresses that stand in one recipient's mail.

    `links`: one for each of `Compiled.links`, a click URL or the target itself. `pixel` is None unless the recipient
    agreed to be counted. `renew` is empty unless the mail asks for it. `plain`: all of them begin with an address of
    which `is_plain_base` says so, and end with a token, so they stand for themselves wherever they are printed.
    """

    links: Sequence[str]
    unsubscribe: str
    preferences: str
    why: str
    pixel: str | None = None
    renew: str = ""
    plain: bool = False


@dataclass(frozen=True)
class Rendered:
    """One mail as people read it. The subject is one line without control characters."""

    subject: str
    html: str
    text: str


class Quoted(NamedTuple):
    """One mail, ready to be put into MIME: both parts are quoted-printable already, see `templates.quoted`."""

    subject: str
    html: bytes
    text: bytes
