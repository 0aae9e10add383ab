"""`crusoe audit log` and `crusoe audit exports`: what people did, narrowed, and which files left the house."""

from typing import Any

import click

from app.commands.administration import audit_group
from app.questions import audit_log, exports
from core.cli import command
from core.db import transaction

FROM = click.option("--from", "first", default=None, metavar="DAY", help="Not before this day, such as 2026-11-01.")
TO = click.option("--to", "last", default=None, metavar="DAY", help="Not after this day.")
BY = click.option("--by", default=None, metavar="WHO", help="Only by this person.")


@command(audit_group, "log")
@click.option("--action", default=None, metavar="A", help="Only this action; a star at the end stands for the rest.")
@click.option("--object", "about", default=None, metavar="TYPE[:ID]", help="Only about this, such as campaign:autumn.")
@FROM
@TO
@BY
def show_log(action: str | None, about: str | None, by: str | None, **ends: str | None) -> list[dict[str, Any]]:
    """What people did, the newest first.

    Example: crusoe audit log --action 'campaign.*' --object campaign:autumn --from 2026-11-01
    """
    with transaction() as session:
        return audit_log.events(session, action=action, about=about, by=by, asked=_days(**ends))


@command(audit_group, "exports")
@FROM
@TO
@BY
def show_exports(by: str | None, **ends: str | None) -> list[dict[str, Any]]:
    """Every file that left the house: who took it, when, what it was, how many rows, and whether it names people."""
    with transaction() as session:
        return exports.rows(session, by=by, asked=_days(**ends))


def _days(*, first: str | None, last: str | None) -> dict[str, str | None]:
    return {"from": first, "to": last}


__all__ = ["audit_group"]
