"""The names that a template may merge."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import FieldDefinition
from core.errors import WrongInput
from core.sentences import say

CONTACT = frozenset({"number", "first_name", "last_name", "language", "country", "company"})
SENDER = frozenset({"name", "address", "company"})
# Where the recipient confirms the consent anew. A mail that asks for it is no use of that consent.
RENEW = "renew_url"
URLS = frozenset({"unsubscribe_url", "preferences_url", "why_url", RENEW})
# Names that the compiler itself puts in.
RESERVED = ("url_", "pixel_url", "basis")
GROUPS = frozenset({"contact", "sender", "loop"})
LOOP = frozenset({"index", "first", "last"})

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,62}")

# Marks where the footer goes; without it the footer stands at the end.
FOOTER = "footer"


@dataclass(frozen=True)
class Vocabulary:
    """What may stand in a merge field. `texts` and `urls` are names without a dot.

    `contact` is None where any field is taken, because the names were checked before.
    """

    contact: frozenset[str] | None = CONTACT
    sender: frozenset[str] = SENDER
    texts: frozenset[str] = frozenset()
    urls: frozenset[str] = URLS

    @property
    def plain(self) -> frozenset[str]:
        """Names that stand for one value."""
        return self.texts | self.urls

    @property
    def everything(self) -> list[str]:
        """All names as people write them, for suggestions and for the editor."""
        dotted = [f"contact.{name}" for name in self.contact or ()] + [f"sender.{name}" for name in self.sender]
        return sorted([*dotted, *self.plain, FOOTER])

    def has(self, group: str, name: str) -> bool:
        """Whether `group.name` may be merged."""
        if group == "contact" and self.contact is None:
            return _FIELD.fullmatch(name) is not None
        return name in ({"contact": self.contact, "sender": self.sender, "loop": LOOP}.get(group) or ())

    def unknown(self, name: str, *, where: str) -> WrongInput:
        """The complaint about a name that is not in here, with the nearest one that is."""
        near = get_close_matches(name, self.everything, n=1, cutoff=0.5)
        known = ", ".join(self.everything)
        remedy = say("Did you mean %(name)s?", name=near[0]) if near else say("Known are: %(known)s.", known=known)
        return WrongInput("merge_field_unknown", say("There is no merge field %(name)s.", name=name), remedy, where)


def vocabulary(session: Session) -> Vocabulary:
    """What campaigns may merge: the contact's own fields and the custom fields of this installation."""
    return Vocabulary(contact=CONTACT | frozenset(session.scalars(select(FieldDefinition.name))))
