"""`crusoe token …`: what other systems come in with."""

from dataclasses import asdict
from typing import Any

import click

from app.api.tokens import MOST_DAYS, Scope, create_token, revoke_token, tokens
from core import users
from core.cli import command
from core.db import transaction

AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the administrator who acts.")


@click.group("token")
def token_group() -> None:
    """Tokens for other systems that ask the gate or keep service cases."""


@command(token_group, "create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]))
@click.option("--days", default=90, show_default=True, help=f"How long it lasts, at most {MOST_DAYS}.")
@AS
def create(name: str, scopes: tuple[str, ...], days: int, user: str) -> dict[str, Any]:
    """Make a token for the system NAME. It is shown now and never again."""
    with transaction() as session:
        actor = users.actor(session, user)
        drawn = create_token(session, name=name, scopes=list(scopes), days=days, actor=actor)
    return {"name": name, "scopes": sorted(set(scopes)), "token": drawn}


@command(token_group, "list")
def list_tokens() -> list[dict[str, Any]]:
    """All tokens: who has them, what they open, until when, and when they were last used."""
    with transaction() as session:
        return [asdict(one) for one in tokens(session)]


@command(token_group, "revoke")
@click.argument("name")
@AS
def revoke(name: str, user: str) -> dict[str, Any]:
    """Let a token open nothing any more, at once."""
    with transaction() as session:
        revoke_token(session, name=name, actor=users.actor(session, user))
    return {"name": name, "state": "revoked"}
