"""The names that a template may merge."""

from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import FieldDefinition
from core.errors import WrongInput

CONTACT = frozenset({"number", "first_name", "last_name", "language", "country", "company"})
SENDER = frozenset({"name", "address", "company"})
URLS = frozenset({"unsubscribe_url", "preferences_url", "why_url"})
LOOP = frozenset({"index", "first", "last"})

# Marks where the footer goes; without it the footer stands at the end.
FOOTER = "footer"


@dataclass(frozen=True)
class Vocabulary:
    """What may stand in a merge field. `texts` and `urls` are names without a dot; URLs are never escaped twice."""

    contact: frozenset[str] = CONTACT
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
        dotted = [f"contact.{name}" for name in self.contact] + [f"sender.{name}" for name in self.sender]
        return sorted([*dotted, *self.plain, FOOTER])

    def group(self, name: str) -> frozenset[str] | None:
        """The fields of `contact`, `sender` or `loop`; None when there is no such group."""
        return {"contact": self.contact, "sender": self.sender, "loop": LOOP}.get(name)

    def unknown(self, name: str, *, where: str) -> WrongInput:
        """The complaint about a name that is not in here, with the nearest one that is."""
        near = get_close_matches(name, self.everything, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else "Known are: " + ", ".join(self.everything) + "."
        return WrongInput("merge_field_unknown", f"There is no merge field {name}.", remedy, where)


def vocabulary(session: Session) -> Vocabulary:
    """What campaigns may merge: the contact's own fields and the custom fields of this installation."""
    return Vocabulary(contact=CONTACT | frozenset(session.scalars(select(FieldDefinition.name))))
