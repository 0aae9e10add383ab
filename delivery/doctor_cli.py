"""`crusoe doctor`, `crusoe finding …`: what the DNS says about a sender, and what that does to releases."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from core import clock, users
from core.cli import command, console
from core.db import transaction
from core.settings import settings
from delivery.doctor.effects import effect_list, effects, set_effect
from delivery.doctor.findings import Effect, Finding, Severity
from delivery.doctor.resolver import Resolver
from delivery.doctor.run import Examination, examine
from delivery.doctor.store import keep_look
from delivery.doctor.whom import bare_subject, senders_of, subject_of

AS = click.option("--as", "user", required=True, metavar="USER", help="E-mail address of the user who acts.")

_TONES = {Severity.FAIL: "red", Severity.WARN: "yellow", Severity.INFO: "cyan", Severity.GOOD: "green"}


@click.group("finding")
def finding_group() -> None:
    """What findings of the sender doctor do to releases of campaigns."""


def register(group: click.Group) -> None:
    """Add `doctor`."""

    @command(group, "doctor", show=show)
    @click.argument("domain")
    @click.option("--ip", "ips", multiple=True, metavar="ADDRESS", help="An address from which the mail leaves.")
    def doctor(domain: str, ips: tuple[str, ...]) -> dict[str, Any]:
        """Look up what receivers see of DOMAIN: SPF, DKIM, DMARC, names of addresses, MX, TLS, logo."""
        with transaction() as session:
            subjects = [(one, subject_of(session, one, ips=ips)) for one in senders_of(session, domain=domain)]
            bare = None if subjects else bare_subject(session, domain=domain, ips=ips)
            does = effects(session)
        if bare is not None:
            return _answer(bare.domain, [("", examine(bare, ask=Resolver()))], does)
        found = [(sender, examine(subject, ask=Resolver())) for sender, subject in subjects]
        if not ips:
            with transaction() as session:
                for sender, examination in found:
                    keep_look(session, sender_id=sender.id, by="command line", found=examination)
        return _answer(subjects[0][1].domain, [(sender.code, one) for sender, one in found], does)


def _answer(domain: str, found: list[tuple[str, Examination]], does: dict[str, Effect]) -> dict[str, Any]:
    """One list of findings: what several senders have in common stands in it once."""
    senders: dict[Finding, list[str]] = {}
    for code, examination in found:
        for finding in examination.findings:
            senders.setdefault(finding, []).extend([code] if code else [])
    rows = [_row(finding, does[finding.code], codes) for finding, codes in senders.items()]
    return {
        "domain": domain,
        "state": "answered" if any(one.is_answered for _, one in found) else "not_answered",
        "looked_at": clock.now(),
        "resolver": settings().resolver,
        "senders": [code for code, _ in found if code],
        "blocks": any(row["effect"] == Effect.BLOCK for row in rows),
        "counts": {severity.value: count for severity, count in Counter(one.severity for one in senders).items()},
        "findings": rows,
    }


def _row(finding: Finding, effect: Effect, senders: list[str]) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "effect": effect,
        "about": finding.about,
        "message": finding.message,
        "remedy": finding.remedy,
        "found": finding.found,
        "record": asdict(finding.record) if finding.record else None,
        "source": finding.source,
        "senders": senders,
    }


def show(answer: dict[str, Any]) -> None:
    """Print the findings for people, the worst first."""
    order = list(Severity)
    for row in sorted(answer["findings"], key=lambda each: order.index(each["severity"])):
        console.print(f"[{_TONES[row['severity']]}]{row['severity']:<5}[/]", end=" ")
        # What stood in the DNS is somebody else's text: control characters in it must not reach the terminal.
        console.print(_visible(f"{row['message']} ({row['source']})"), markup=False)
        if row["remedy"]:
            console.print(f"      {_visible(row['remedy'])}", markup=False)
        if row["record"]:
            record = row["record"]
            console.print(
                f"      {_visible(record['name'])}  {record['type']}  {_visible(record['value'])}", markup=False
            )
    said = "keeps campaigns from being released" if answer["blocks"] else "keeps no campaign"
    console.print(f"{answer['domain']}: {answer['state'].replace('_', ' ')}; {said}.", markup=False)


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)


@command(finding_group, "list")
def list_effects() -> list[dict[str, Any]]:
    """Every finding: how bad it is, what it does, and who decided so."""
    with transaction() as session:
        return [asdict(one) for one in effect_list(session)]


@command(finding_group, "set")
@click.argument("code")
@click.argument("effect", type=click.Choice([effect.value for effect in Effect]))
@AS
@click.option("--reason", required=True, help="Why it does something else than usual.")
def set_one(code: str, effect: str, user: str, reason: str) -> dict[str, Any]:
    """Let the finding CODE block releases, warn, or only inform."""
    with transaction() as session:
        actor = users.actor(session, user)
        return asdict(set_effect(session, code=code, effect=Effect(effect), actor=actor, reason=reason))
