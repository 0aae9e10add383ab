"""`crusoe returns`: the program that takes in mail that comes back."""

import asyncio

import click

from app.returns.receiver import main, where
from core.settings import settings


@click.group("returns")
def returns_group() -> None:
    """The receiver for mail that comes back."""


@returns_group.command("serve")
@click.option("--listen", help="lmtp://host:port or smtp://host:port; else CRUSOE_RETURNS_LISTEN, else the loopback.")
def serve(listen: str | None) -> None:
    """Take in mail by LMTP or SMTP until told to stop."""
    url = listen or settings().returns_listen or "lmtp://127.0.0.1:2424"
    where(url)
    asyncio.run(main(url))
