"""`crusoe person`: what people may ask about their own data."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from app.evidence.printed import LANGUAGES
from app.rights import erasure, export, requests
from app.rights.subject import by_address
from core import users
from core.cli import command, dump
from core.db import transaction
from core.errors import WrongInput
from core.permissions import Permission
from core.sentences import say

AS = click.option("--as", "acting", required=True, metavar="U", help="Who does it: a user's e-mail address.")
REASON = click.option("--reason", default=None, metavar="TEXT", help="Why; kept in the audit log.")


@click.group("person")
def person_group() -> None:
    """The rights of a person: export, rectify, restrict, object, erase (Art. 15 to 21 GDPR)."""


def _actor(session: Session, email: str, permission: Permission) -> str:
    actor = users.actor(session, email)
    actor.require(permission)
    return actor.email


@command(person_group, "export")
@click.argument("address")
@AS
@click.option(
    "--out", default=None, type=click.Path(path_type=Path), help="A folder for JSON and pages to print (HTML, PDF)."
)
@click.option("--portable", is_flag=True, help="Only what the person may take elsewhere (Art. 20).")
def export_person(address: str, acting: str, out: Path | None, *, portable: bool) -> dict[str, Any]:
    """Everything that is held about the person with ADDRESS: machine-readable, and as a page to print."""
    with transaction() as session:
        actor = _actor(session, acting, Permission.EXPORT_CONTACTS)
        found = export.document(session, by_address(session, address), actor=actor)
    found = export.portable(found) if portable else found
    if out is None:
        return found
    out.mkdir(parents=True, exist_ok=True)
    files = {"person.json": dump(found).encode()}
    if not portable:
        files |= {f"person.{locale}.html": export.as_page(found, locale=locale) for locale in LANGUAGES}
        files |= {f"person.{locale}.pdf": export.as_pdf(found, locale=locale) for locale in LANGUAGES}
    for name, content in files.items():
        (out / name).write_bytes(content)
    return {"folder": out, "files": sorted(files), "messages": len(found["messages"])}


@command(person_group, "erase")
@click.argument("address")
@AS
@REASON
@click.option("--out", default=None, type=click.Path(path_type=Path), help="A file for the receipt as HTML.")
def erase(address: str, acting: str, reason: str | None, out: Path | None) -> dict[str, Any]:
    """Erase the person with ADDRESS; a block and the proof of the past stay. Answers the receipt."""
    with transaction() as session:
        actor = _actor(session, acting, Permission.EDIT_SUPPRESSION)
        receipt = erasure.erase_person(session, by_address(session, address), actor=actor, reason=reason)
    if out is not None:
        out.write_bytes(erasure.receipt_page(receipt, locale="en"))
    return receipt


@command(person_group, "restrict")
@click.argument("address")
@AS
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the entry.")
def restrict(address: str, acting: str, reason: str) -> dict[str, Any]:
    """Keep the data of the person with ADDRESS and use them no more: no mail, no segment, seen by compliance only."""
    with transaction() as session:
        actor = _actor(session, acting, Permission.EDIT_SUPPRESSION)
        return requests.restrict_person(session, by_address(session, address), actor=actor, reason=reason)


@command(person_group, "object")
@click.argument("address")
@AS
@REASON
@click.option("--withdraw", is_flag=True, help="Take the objection back, as the person asked.")
def object_to_profiling(address: str, acting: str, reason: str | None, *, withdraw: bool) -> dict[str, Any]:
    """Note the objection to profiling: the score goes, and no segment looks at what the person reads."""
    with transaction() as session:
        actor = _actor(session, acting, Permission.EDIT_SUPPRESSION)
        who = by_address(session, address)
        return requests.object_to_profiling(session, who, actor=actor, reason=reason, objects=not withdraw)


@command(person_group, "rectify")
@click.argument("address")
@AS
@click.option("--set", "settings", multiple=True, required=True, metavar="FIELD=VALUE", help="May be repeated.")
def rectify(address: str, acting: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """Put data of the person with ADDRESS right; an empty VALUE removes what stood there."""
    if wrong := [one for one in settings if "=" not in one]:
        raise WrongInput(
            "not_a_change", say("Write FIELD=VALUE, not %(text)s.", text=repr(wrong[0][:60])), where="--set"
        )
    changes = {name: value or None for name, _, value in (one.partition("=") for one in settings)}
    with transaction() as session:
        actor = _actor(session, acting, Permission.EDIT_SUPPRESSION)
        return requests.rectify_person(session, by_address(session, address), changes=changes, actor=actor)
