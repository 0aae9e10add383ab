"""`crusoe evidence`: bundles that prove what was agreed to, decided and sent, and the check of such a bundle."""

from pathlib import Path
from typing import Any

import click

from app.evidence import verify as verifier
from app.evidence.bundle import bundle, write
from app.evidence.campaign_bundle import write_campaign
from app.evidence.incidents import Incident, incident
from core import days, users
from core.cli import command, progress
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.signing import public_key


class WithoutName(click.Group):
    """A group whose first command is meant when no other is named: `crusoe evidence --address A --out DIR`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the command in front when the first word is an option."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group("evidence", cls=WithoutName)
def evidence_group() -> None:
    """Bundles that prove what was agreed to, decided and sent; anybody can check them without Crusoe."""


@command(evidence_group, "make")
@click.option("--address", default=None, metavar="A", help="The person's address.")
@click.option(
    "--campaign", default=None, metavar="N", help="This campaign, by code or number; whole without --address."
)
@click.option("--consent", default=None, metavar="REFERENCE", help="Only this consent and what rests on it.")
@click.option("--with-addresses", is_flag=True, help="Name the people of a whole campaign, not only their numbers.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--as", "acting", default=None, metavar="U", help="Who makes it.")
def make(
    address: str | None,
    campaign: str | None,
    consent: str | None,
    out: Path,
    acting: str | None,
    *,
    with_addresses: bool,
) -> dict[str, Any]:
    """Write a bundle about one address, or about a whole campaign, into a new folder. `make` may be left out."""
    if address is None and (campaign is None or consent is not None):
        raise WrongInput("evidence_unclear", say("Name an address or a campaign."), where="--address")
    names_people = address is not None or with_addresses
    with transaction() as session:
        actor = users.actor(session, acting) if acting else users.operator()
        actor.require(Permission.EXPORT_CONTACTS if names_people else Permission.SEE_AUDIT)
        if address is not None:
            files = bundle(session, address=address, campaign=campaign, consent=consent, actor=actor.email)
            write(files, to=out)
    if address is None:
        write_campaign(out, campaign=campaign or "", actor=actor.email, with_addresses=with_addresses, said=_progress)
    answer = verifier.verify(out)
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    told = {name: answer.get(name) for name in ("ok", "rows", "public_key", "made_at")}
    return {"folder": out, "files": len(sizes), "bytes": sum(sizes)} | told


def _progress(done: int, messages: int) -> None:
    progress.print(f"{done:,} of {messages:,} messages")


@command(evidence_group, "verify")
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> dict[str, Any]:
    """Check a bundle as the verify.py in it does; exit code 2 when something in it was changed."""
    if not (folder / "manifest.json").is_file():
        raise WrongInput("no_bundle", say("%(path)s is no bundle of evidence.", path=folder))
    answer = verifier.verify(folder)
    if not answer["ok"]:
        raise NotAllowed(
            "evidence_changed",
            say("The bundle is not as it was written; findings: %(count)s.", count=len(answer["findings"])),
            say("Ask whoever made it for a new one."),
            details=answer | {"lines": answer["findings"]},
        )
    return answer | {"folder": folder, "ours": answer["public_key"] == public_key().hex()}


@command(evidence_group, "incident")
@click.option("--list-version", default=None, metavar="V", help="Messages for which this version of a list was asked.")
@click.option("--rules", default=None, metavar="R", help="Messages that passed under this version of the rules.")
@click.option("--text", default=None, metavar="T", help="Messages that rest on a consent to these words.")
@click.option("--template", default=None, metavar="CODE[:N]", help="Messages of this template, or of its version N.")
@click.option("--from", "first", default=None, metavar="DAY", help="Messages that went out on this day or later.")
@click.option("--to", "last", default=None, metavar="DAY", help="Messages that went out on this day or before.")
def show_incident(first: str | None, last: str | None, **asked: str | None) -> list[dict[str, Any]]:
    """What went out under a list, rules, words or a template that proved wrong, by campaign. All that is named counts.

    Example: crusoe evidence incident --list-version 7 --from 2026-11-01 --to 2026-11-02
    """
    since, until = days.ends(days.chosen({"from": first, "to": last}))
    with transaction() as session:
        return incident(session, Incident(since=since, until=until, **asked))
