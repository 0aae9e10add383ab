"""The command line of Crusoe."""

import click

from app.supervisor import cli as supervisor


@click.group()
def main() -> None:
    """Crusoe: campaigns that can show why each message was sent and why each was refused."""


supervisor.register(main)
