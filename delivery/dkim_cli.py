"""`crusoe dkim …`: signing keys, from the drawing to the end."""

from dataclasses import asdict
from typing import Any

import click

from core import users
from core.cli import command
from core.db import transaction
from delivery.doctor.looking import require_published
from delivery.doctor.whom import ask_for_domain
from delivery.signing import KeyView, activate_key, draw_key, keys_of, retire_key, signing_key, signing_speed
from delivery.signing.models import Algorithm

AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the user who acts.")


@click.group("dkim")
def dkim_group() -> None:
    """Keys that sign mail. To change them: new, publish the record, activate, and retire the old one 7 days later."""


def _row(key: KeyView) -> dict[str, Any]:
    found = asdict(key)
    return {**found, "record_type": "TXT"}


@command(dkim_group, "new")
@click.argument("domain")
@click.option("--algorithm", type=click.Choice([one.value for one in Algorithm]), default="rsa2048", show_default=True)
@click.option("--selector", default=None, help="Its name in the DNS; made of the date unless given.")
@AS
def new(domain: str, algorithm: str, selector: str | None, user: str) -> dict[str, Any]:
    """Draw a key for DOMAIN and print the record to publish. It signs nothing until it is activated."""
    with transaction() as session:
        actor = users.actor(session, user)
        key = draw_key(session, domain=domain, algorithm=Algorithm(algorithm), actor=actor, selector=selector)
    next_step = f"Publish this record, then: crusoe dkim activate {key.domain} {key.selector} --as {actor.email}"
    return {**_row(key), "next_step": next_step}


@command(dkim_group, "activate")
@click.argument("domain")
@click.argument("selector")
@click.option("--unchecked", metavar="REASON", default=None, help="Do not look for the record, for this reason.")
@AS
def activate(domain: str, selector: str, unchecked: str | None, user: str) -> dict[str, Any]:
    """Let a key sign from now on, once its record is found in the DNS."""
    with transaction() as session:
        key = signing_key(session, domain=domain, selector=selector)
    if unchecked is None:
        require_published(key)
    with transaction() as session:
        actor = users.actor(session, user)
        view = activate_key(session, domain=domain, selector=selector, actor=actor, unchecked=unchecked)
        ask_for_domain(session, domain=domain, by=actor.email)
        others = keys_of(session, domain=domain)
    followed = [one for one in others if one.state == "followed" and one.algorithm is view.algorithm]
    steps = [
        f"Keep the record of {one.selector} until {one.retire_after:%Y-%m-%d %H:%M} UTC, then: "
        f"crusoe dkim retire {one.domain} {one.selector} --as {actor.email}"
        for one in followed
    ]
    return {**_row(view), "next_step": " ".join(steps)}


@command(dkim_group, "retire")
@click.argument("domain")
@click.argument("selector")
@click.option(
    "--at-once", metavar="REASON", default=None, help="Although mails with its signature may be on their way."
)
@AS
def retire(domain: str, selector: str, at_once: str | None, user: str) -> dict[str, Any]:
    """Forget a key for good. Refused until 7 days after another one followed it."""
    with transaction() as session:
        actor = users.actor(session, user)
        return _row(retire_key(session, domain=domain, selector=selector, actor=actor, at_once=at_once))


@command(dkim_group, "list")
@click.argument("domain", required=False)
def list_keys(domain: str | None) -> list[dict[str, Any]]:
    """The keys of DOMAIN, or all, with where each of them is on its way."""
    with transaction() as session:
        return [_row(one) for one in keys_of(session, domain=domain)]


@command(dkim_group, "speed")
@click.option("--seconds", type=click.FloatRange(0.01, 60), default=1.0, show_default=True, help="For each way.")
def speed(seconds: float) -> dict[str, Any]:
    """How many mails a second one worker could sign with RSA-2048 here, one by one and eight at once."""
    found = signing_speed(seconds=seconds)
    hint = "" if found.eight_at_once else "Needs libcrypto_mb and a processor with AVX-512 IFMA."
    return {**asdict(found), "next_step": hint}
