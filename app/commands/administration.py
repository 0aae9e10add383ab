"""`crusoe apply`, `audit`, `user` and `keys`: what keeps an installation in order."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select

from app.apply import apply_folder
from app.evidence import time_stamps
from app.evidence.stamp_check import verify_everything
from core import evidence, evidence_anchors, keys, users
from core.cli import command, console
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from core.permissions import Role
from core.sentences import say
from core.settings import settings
from suppression import versions


def register(root: click.Group) -> None:
    """Add these commands to `crusoe`."""
    root.add_command(audit_group)
    root.add_command(user_group)
    root.add_command(keys_group)

    def show(answer: dict[str, Any]) -> None:
        for change in answer["changes"]:
            console.print(f"{change['change']} {change['kind']} {change['code']}", markup=False)
            for line in change["diff"]:
                console.print(f"    {line}", markup=False)
        console.print("Nothing to change." if not answer["changes"] else f"{answer['changed']} changed.")
        if answer["rules_waiting"]:
            console.print(
                f"Version {answer['rules_waiting']} of the rules waits for a second person:"
                f" crusoe rules activate {answer['rules_waiting']} --as SOMEBODY"
            )

    @command(root, "apply", show=show)
    @click.argument("folder", type=click.Path(path_type=Path))
    @click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
    def apply(folder: Path, *, dry_run: bool) -> dict[str, Any]:
        """Bring fields, segments, templates, senders, campaigns and rules to what the YAML files in FOLDER say."""
        with transaction() as session:
            changes = apply_folder(session, folder=folder, actor="apply")
            newest = next(iter(versions(session)), None)
            if dry_run:
                session.rollback()
        return {
            "changed": len(changes),
            "dry_run": dry_run,
            "rules_waiting": newest.version if newest and newest.activated_at is None else None,
            "changes": [asdict(change) for change in changes],
        }


@click.group("audit")
def audit_group() -> None:
    """The evidence that nobody can change unseen."""


@command(audit_group, "verify")
def verify() -> dict[str, Any]:
    """Recompute every chain and check every anchor; exit code 2 when something was changed, removed or reordered."""
    with transaction() as session:
        findings = verify_everything(session)
        last = evidence_anchors.newest(session)
        stamps = time_stamps.standing(session)
        links = dict(
            session.execute(
                select(evidence.EvidenceBatch.chain, func.count()).group_by(evidence.EvidenceBatch.chain)
            ).all()
        )
    answer = {
        "ok": not findings,
        "chains": {name: links.get(name, 0) for name in evidence.CHAINS},
        "anchors": last.seq if last else 0,
        "anchored_at": last.at if last else None,
        "time_stamps": asdict(stamps),
        "findings": [asdict(finding) for finding in findings],
    }
    if findings:
        raise NotAllowed(
            "evidence_changed",
            say(
                "The evidence is not as it was written; findings: %(count)s.",
                count=len(findings),
            ),
            say("Compare with a backup; find out who had access to the database."),
            details=answer | {"lines": [f"{row.chain} {row.seq}: {row.what}" for row in findings]},
        )
    return answer


@command(audit_group, "anchor")
def anchor() -> dict[str, Any]:
    """Sign now where every chain stands, and have that stamped. Once a day this happens by itself."""
    with transaction() as session:
        made = evidence_anchors.anchor(session)
        answer = {"anchor": made.seq, "at": made.at, "sha256": made.digest, "public_key": made.public_key.hex()}
    time_stamps.stamp_newest()
    with transaction() as session:
        stamps = time_stamps.standing(session)
    return answer | {
        "file": evidence_anchors.file_of(made.seq),
        "chains": made.content["chains"],
        "time_stamp": stamps.at if stamps.anchor == made.seq else None,
        "trouble": stamps.trouble,
    }


@click.group("user")
def user_group() -> None:
    """The people who work here."""


@command(user_group, "add")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--name", default="")
@click.option("--password", default=None, help="Drawn and shown once when absent.")
def add_user(email: str, role: str, name: str, password: str | None) -> dict[str, Any]:
    """Create an account."""
    with transaction() as session:
        drawn = users.add(session, email=email, role=Role(role), name=name, password=password)
    return {"email": email.strip().lower(), "role": role} | ({} if password else {"password": drawn})


@command(user_group, "list")
def list_users() -> list[dict[str, Any]]:
    """All accounts."""
    with transaction() as session:
        return [
            {"email": user.email, "name": user.name, "role": user.role, "disabled_at": user.disabled_at}
            for user in session.scalars(select(users.User).order_by(users.User.email))
        ]


@click.group("keys")
def keys_group() -> None:
    """The secrets of this installation."""


@command(keys_group, "new")
def new_keys() -> dict[str, Any]:
    """Draw the key file of a new installation. An existing one is never replaced."""
    path = settings().home / "keys.json"
    if path.exists():
        raise WrongInput(
            "keys_exist",
            say("There is already a key file at %(path)s.", path=path),
            say("Every stored hash depends on it."),
        )
    keys.draw(path=path)
    return {"keys_file": str(path)}
