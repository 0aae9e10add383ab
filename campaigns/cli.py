"""`crusoe campaign …` and `crusoe why`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import approval, conductor
from campaigns.absence import absent
from campaigns.approval import void_if_changed
from campaigns.checks import check_campaign
from campaigns.explanation import why
from campaigns.models import Campaign
from campaigns.results import report
from campaigns.service import find, lock
from core import users
from core.cli import command, console, show_facts
from core.db import transaction
from core.errors import NotAllowed
from core.users import Actor
from suppression import look_up


@click.group("campaign")
def campaign_group() -> None:
    """Check, submit, approve, launch, pause and report campaigns. N is a campaign's number or code."""


AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the user who acts.")
NAME = click.argument("name", metavar="N")


@contextmanager
def _acting(name: str, user: str) -> Iterator[tuple[Session, Campaign, Actor]]:
    """The campaign, locked, and who acts. An approval that turns out void is taken back for good."""
    try:
        with transaction() as session:
            yield session, lock(session, name), users.actor(session, user)
    except NotAllowed as error:
        if error.code == "approval_void":
            with transaction() as session:
                void_if_changed(session, campaign=lock(session, name), actor="system")
        raise


def _state(name: str) -> dict[str, Any]:
    with transaction() as session:
        campaign = find(session, name)
        return {"id": campaign.id, "campaign": campaign.code, "state": campaign.state}


@command(campaign_group, "list")
def list_campaigns() -> list[dict[str, Any]]:
    """All campaigns with their states."""
    with transaction() as session:
        return [
            {
                "id": row.id,
                "code": row.code,
                "name": row.name,
                "state": row.state,
                "purpose": row.purpose,
                "author": row.author,
                "submitted_by": row.submitted_by,
                "scheduled_at": row.scheduled_at,
            }
            for row in session.scalars(select(Campaign).order_by(Campaign.id))
        ]


def _show_check(answer: dict[str, Any]) -> None:
    show_facts({key: answer[key] for key in ("audience", "send", "hold", "block", "reasons")})
    for finding in answer["findings"]:
        console.print(f"{finding['severity']}: {finding['message']} {finding['remedy']}", markup=False)


@command(campaign_group, "check", show=_show_check)
@NAME
def check(name: str) -> dict[str, Any]:
    """Who would get it, who would not and why, and what is wrong with the mail."""
    with transaction() as session:
        return check_campaign(session, campaign=lock(session, name), actor="cli")


@command(campaign_group, "submit")
@NAME
@AS
def submit(name: str, user: str) -> dict[str, Any]:
    """Ask for approval of what was checked."""
    with _acting(name, user) as (session, campaign, actor):
        approval.submit(session, campaign=campaign, actor=actor)
    return _state(name)


@command(campaign_group, "approve")
@NAME
@AS
@click.option("--reason", help="A note for the record.")
def approve(name: str, user: str, reason: str | None) -> dict[str, Any]:
    """Agree to what somebody else submitted."""
    with _acting(name, user) as (session, campaign, actor):
        why = approval.approve(session, campaign=campaign, actor=actor, reason=reason)
    return _state(name) | ({"still_needed": "compliance", "because": [str(one) for one in why]} if why else {})


@command(campaign_group, "send-back")
@NAME
@AS
@click.option("--reason", required=True, help="What must be different.")
def send_back(name: str, user: str, reason: str) -> dict[str, Any]:
    """Decline what somebody submitted."""
    with _acting(name, user) as (session, campaign, actor):
        approval.send_back(session, campaign=campaign, actor=actor, reason=reason)
    return _state(name)


@command(campaign_group, "launch")
@NAME
@AS
def launch_campaign(name: str, user: str) -> dict[str, Any]:
    """Send what was approved."""
    with _acting(name, user) as (session, campaign, actor):
        conductor.launch(session, campaign=campaign, actor=actor)
    return _state(name)


OPTIONAL_AS = click.option("--as", "user", default=None, metavar="USER", help="E-mail address of the user who acts.")


def _operator(session: Session, user: str | None) -> Actor:
    """Whoever can run commands on the machine may pause: stopping must never wait for a log-in."""
    return users.actor(session, user) if user else users.operator()


@command(campaign_group, "pause")
@NAME
@OPTIONAL_AS
@click.option("--reason")
def pause(name: str, user: str | None, reason: str | None) -> dict[str, Any]:
    """Stop handing over within two seconds."""
    with transaction() as session:
        conductor.pause(session, campaign=lock(session, name), actor=_operator(session, user), reason=reason)
    return _state(name)


@command(campaign_group, "resume")
@NAME
@OPTIONAL_AS
@click.option("--reason", help="Why it may go on; needed after the brake.")
def resume(name: str, user: str | None, reason: str | None) -> dict[str, Any]:
    """Go on where it was paused."""
    with transaction() as session:
        conductor.resume(session, campaign=lock(session, name), actor=_operator(session, user), reason=reason)
    return _state(name)


@command(campaign_group, "cancel")
@NAME
@AS
@click.option("--reason", required=True)
def cancel(name: str, user: str, reason: str) -> dict[str, Any]:
    """End a campaign for good."""
    with _acting(name, user) as (session, campaign, actor):
        conductor.cancel(session, campaign=campaign, actor=actor, reason=reason)
    return _state(name)


@command(campaign_group, "release")
@NAME
@click.argument("code")
@AS
@click.option("--reason", required=True, help="Why these may be written to all the same.")
def release(name: str, code: str, user: str, reason: str) -> dict[str, Any]:
    """Let messages pass that were held for CODE, for example consent_stale."""
    with _acting(name, user) as (session, campaign, actor):
        count = conductor.release(session, campaign=campaign, code=code, actor=actor, reason=reason)
    return _state(name) | {"released": count}


@command(campaign_group, "report")
@NAME
def report_campaign(name: str) -> dict[str, Any]:
    """What became of it, in numbers that add up."""
    with transaction() as session:
        return report(session, campaign=find(session, name))


def register_why(root: click.Group) -> None:
    """Add `crusoe why ADDRESS`, which stands at the top because everybody asks it."""

    def show(answer: list[dict[str, Any]]) -> None:
        for entry in answer:
            show_facts(entry)
            console.print()

    @command(root, "why", show=show)
    @click.argument("address")
    @click.option("--campaign", default=None, metavar="N")
    def why_command(address: str, campaign: str | None) -> list[dict[str, Any]]:
        """Why this person got a mail, a call or a letter, or did not. ADDRESS: also a number, or a hash."""
        with transaction() as session:
            found = why(session, address=address, campaign=campaign)
            if campaign is not None and not found:
                return [_absent(session, address=address, name=campaign)]
            return found


def _absent(session: Session, *, address: str, name: str) -> dict[str, Any]:
    campaign = find(session, name)
    about = look_up(session, address) if not address.startswith("+") else None
    found = absent(session, campaign=campaign, address_id=about.address_id if about else None)
    return {
        "campaign": campaign.code,
        "verdict": None,
        "reasons": [],
        "status": "not_planned",
        "explanation": [str(one) for one in found.sentences],
        "conditions": [{"asks": str(line.asks), "holds": line.holds} for line in found.lines],
    }
