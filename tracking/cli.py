"""Commands of tracking."""

from dataclasses import asdict
from typing import Any

import click

from core.cli import command
from core.db import transaction
from tracking.consume import consume_spool
from tracking.judging import judge_new, rejudge
from tracking.ledger import counts


@click.group("tracking")
def tracking_group() -> None:
    """Opens, clicks and what else happened to messages."""


@command(tracking_group, "consume")
def consume() -> dict[str, Any]:
    """Copy waiting hits into the ledger now and judge them."""
    copied = 0
    while True:
        progress = consume_spool()
        copied += progress.rows
        if not progress.more:
            break
    judged = 0
    with transaction() as session:
        while (step := judge_new(session)).hits:
            judged += step.hits
    return {"copied": copied, "judged": judged}


@command(tracking_group, "rejudge")
def judge_again() -> dict[str, Any]:
    """Judge all hits anew from what was recorded."""
    with transaction() as session:
        return {"judged": rejudge(session)}


@command(tracking_group, "counts")
@click.argument("run", type=int)
def show_counts(run: int) -> dict[str, Any]:
    """Show opens, clicks, unsubscribes, bounces and complaints of a run, given by its id."""
    with transaction() as session:
        return asdict(counts(session, run))
