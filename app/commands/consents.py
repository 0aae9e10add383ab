"""`crusoe consents`: which of them could be attacked, because their evidence is not whole; and those given offline."""

from pathlib import Path
from typing import Any

import click

from app.consents import listing, offline
from contacts import LACKING, LARGEST, Scan, scan
from core import users
from core.cli import command, console, plain, show_rows
from core.days import here
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.sentences import say


@click.group("consents")
def consents_group() -> None:
    """What people agreed to, and how well that can be proven."""


def _show(answer: dict[str, Any]) -> None:
    """The groups as a table, and what each code means; references are for programs."""
    console.print(f"{plain(answer['incomplete'])} of {plain(answer['consents'])} confirmed consents have gaps.")
    if answer["groups"]:
        show_rows([{key: group[key] for key in group if key != "references"} for group in answer["groups"]])
    for code, sentence in answer["meaning"].items():
        console.print(f"{code:<24}{sentence}", markup=False)


@command(consents_group, "incomplete", show=_show)
@click.option("--purpose", default=None, metavar="P", help="Only consents to this purpose.")
def incomplete(purpose: str | None) -> dict[str, Any]:
    """Confirmed consents whose evidence lacks something, in groups that lack the same."""
    with transaction() as session:
        groups = listing.incomplete(session, purpose=purpose)
        total = listing.confirmed(session, purpose=purpose)
    codes = sorted({code for group in groups for code in group["missing"]})
    return {
        "consents": total,
        "incomplete": sum(group["consents"] for group in groups),
        "groups": groups,
        "meaning": {code: LACKING[code] for code in codes},
    }


@command(consents_group, "enter-offline")
@click.argument("address")
@click.option("--channel", required=True, help="One of: email, sms, phone.")
@click.option("--purpose", required=True, metavar="P", help="What was agreed to, such as newsletter.")
@click.option("--controller", required=True, metavar="CODE", help="Who was agreed with.")
@click.option("--basis", required=True, help="One of: written, recorded.")
@click.option("--words", required=True, metavar="VERSION/LOCALE", help="The wording, such as paper-1/de.")
@click.option("--given-at", required=True, metavar="T", help="Date and time as ISO 8601; without a zone, UTC.")
@click.option("--place", required=True, help="Where it was given.")
@click.option("--taken-by", required=True, metavar="WHO", help="Who took it.")
@click.option("--scan", "file", default=None, type=click.Path(path_type=Path), help="The paper: PDF, PNG or JPEG.")
@click.option("--recording", default="", metavar="REF", help="Under which name or number the call is kept.")
@click.option("--note", default="", help="Anything else that matters.")
@click.option("--as", "user", required=True, metavar="U", help="Who enters it: a user's e-mail address.")
def enter_offline(file: Path | None, user: str, **form: str) -> dict[str, Any]:
    """Put a consent on record that was given on paper (with its scan) or in a call (with its recording)."""
    try:
        paper = _scan(file) if file else None
        with transaction() as session:
            actor = users.actor(session, user)
            reference = offline.enter(session, form, scan=paper, zone=here(), actor=actor)
            consent = listing.by_reference(session, reference)
            return {
                "reference": reference,
                "channel": consent.channel.value,
                "purpose": consent.purpose,
                "basis": consent.basis,
                "confirmed_at": consent.confirmed_at,
                "text_version": consent.text_version,
            }
    except CrusoeError as error:
        # A page names its field, a command its option.
        if error.where in {*form, "scan"} - {"address"}:
            error.where = "--" + error.where.replace("_", "-")
        raise


def _scan(file: Path) -> Scan:
    try:
        with file.open("rb") as opened:
            return scan(opened.read(LARGEST + 1))
    except OSError as error:
        raise WrongInput(
            "file_unreadable", say("%(path)s cannot be read: %(why)s.", path=file, why=error.strerror), where="scan"
        ) from error
