"""What would have been answered then: by what was on record at that moment, and by nothing that came later."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts import Asked, Confirmed, Withdrawn, confirm_consent, request_consent, withdraw_consent
from contacts.models import Channel, Controller
from core import clock
from core.audit import AuditEvent
from core.db import transaction
from suppression import Cause, RuleSettings, activate, add, assess, current, import_list
from suppression.lists.switching import remove
from suppression.rule_settings import months_before
from tests.suppression.people import QUESTION, Person, approval, buys, everybody, person
from tests.suppression.test_lists import ECG, ecg_file


def code(session: Session, *, known_by: datetime | None = None) -> str:
    found = assess(
        session,
        audience=everybody(),
        question=QUESTION,
        as_of=known_by or clock.now(),
        known_by=known_by,
        rules=current(session, as_of=known_by),
    )
    return str(session.scalar(select(found.rows.c.code)))


@pytest.fixture
def ann(database: str) -> Person:
    with transaction() as session:
        current(session)
        return person(session, "ann@one.example", country="AT")


def test_each_moment_is_answered_with_what_was_known_then(ann: Person, tmp_path: Path) -> None:
    asked: list[int] = []

    def request(session: Session) -> None:
        asked.append(
            request_consent(
                session,
                address_id=ann.address_id,
                controller_id=1,
                purpose="newsletter",
                at=clock.now(),
                evidence=Asked(text_version="nl-1"),
            )
        )

    def confirm(session: Session) -> None:
        confirm_consent(session, consent_id=asked[0], at=clock.now(), evidence=Confirmed())

    def withdraw(session: Session) -> None:
        withdraw_consent(session, address_id=ann.address_id, at=clock.now(), evidence=Withdrawn(through="letter"))

    def objected_long_ago(session: Session) -> None:
        """A letter of last year that reaches us now was not known before."""
        at = clock.now() - timedelta(seconds=1)
        add(session, address_id=ann.address_id, cause=Cause.MINOR, at=at, source="letter")

    import_list(path=ecg_file(tmp_path, ["nobody@one.example"]), list_id=ECG, published_at=None, actor="test")
    steps: list[tuple[Callable[[Session], None], str]] = [
        (lambda _session: None, "no_basis"),
        (request, "opt_in_unconfirmed"),
        (confirm, "consent"),
        (withdraw, "opted_out"),
        (confirm, "consent"),
        (objected_long_ago, "minor"),
    ]
    moments = []
    for act, expected in steps:
        with transaction() as session:
            act(session)
        with transaction() as session:
            assert code(session) == expected
        moments.append(clock.now())
    with transaction() as session:
        assert [code(session, known_by=moment) for moment in moments] == [expected for _act, expected in steps]


def test_the_list_of_then_is_asked_and_the_rules_of_then_rule(ann: Person, tmp_path: Path) -> None:
    with transaction() as session:
        consent = request_consent(
            session,
            address_id=ann.address_id,
            controller_id=1,
            purpose="newsletter",
            at=clock.now(),
            evidence=Asked(text_version="nl-1"),
        )
        confirm_consent(session, consent_id=consent, at=clock.now(), evidence=Confirmed())
    before_any = clock.now()
    import_list(path=ecg_file(tmp_path, [ann.email]), list_id=ECG, actor="test")
    while_listed = clock.now()
    import_list(
        path=ecg_file(tmp_path, ["nobody@one.example", "noone@two.example"]),
        list_id=ECG,
        actor="test",
        approval=approval(),
    )
    afterwards = clock.now()
    with transaction() as session:
        activate(session, RuleSettings(required_lists=()), actor="test")
    with transaction() as session:
        found = [code(session, known_by=moment) for moment in (before_any, while_listed, afterwards)]
        assert found == ["list_outdated", "robinson_listed", "consent"]
        versions = [current(session, as_of=moment).version for moment in (before_any, clock.now())]
        assert versions[0] < versions[1]


@pytest.mark.parametrize("listed", [True, False])
def test_a_list_that_was_removed_was_missing_from_then_on(ann: Person, tmp_path: Path, listed: bool) -> None:
    who = ann.email if listed else "nobody@one.example"
    import_list(path=ecg_file(tmp_path, [who]), list_id=ECG, actor="test")
    given = approval()
    in_force = clock.now()
    with transaction() as session:
        buys(session, ann, number="1", ordered_at=in_force - timedelta(days=9))
        remove(session, list_id=ECG, actor=given.actor, reason="damaged")
    removed = clock.now()
    import_list(path=ecg_file(tmp_path, [who]), list_id=ECG, actor="test", approval=given)
    with transaction() as session:
        noted = session.scalar(select(AuditEvent.at).where(AuditEvent.action == "list.remove"))
        found = [code(session, known_by=moment) for moment in (in_force, noted, removed, clock.now())]
        allowed = "robinson_listed" if listed else "existing_customer"
        assert found == [allowed, "list_outdated", "list_outdated", allowed]


@pytest.mark.parametrize(
    "other",
    [{"controller_id": 2}, {"purpose": "survey"}, {"channel": Channel.SMS}],
    ids=lambda other: next(iter(other)),
)
def test_a_consent_to_something_else_was_none_to_this(ann: Person, other: dict[str, Any]) -> None:
    with transaction() as session:
        session.add(Controller(code="sister", name="Sister", imprint="", country="DE"))
        session.flush()
        assert session.scalar(select(func.max(Controller.id))) == 2
        activate(session, RuleSettings(required_lists=()), actor="test")
        asked = {"address_id": ann.address_id, "controller_id": 1, "purpose": "newsletter"} | other
        consent = request_consent(session, at=clock.now(), evidence=Asked(text_version="nl-1"), **asked)
        confirm_consent(session, consent_id=consent, at=clock.now(), evidence=Confirmed())
    with transaction() as session:
        assert code(session, known_by=clock.now()) == code(session) == "no_basis"


def test_a_consent_that_was_taken_back_as_it_was_given_leaves_no_exception_for_customers(ann: Person) -> None:
    now = clock.now()
    long_ago = months_before(now, 30)
    with transaction() as session:
        activate(session, RuleSettings(required_lists=()), actor="test")
        buys(session, ann, number="1", ordered_at=now - timedelta(days=9))
        asked = {"address_id": ann.address_id, "controller_id": 1, "purpose": "newsletter"}
        consent = request_consent(session, at=long_ago, evidence=Asked(text_version="nl-1"), **asked)
        confirm_consent(session, consent_id=consent, at=long_ago, evidence=Confirmed())
    with transaction() as session:
        assert code(session, known_by=clock.now()) == code(session) == "existing_customer"
        withdraw_consent(session, address_id=ann.address_id, at=long_ago, evidence=Withdrawn(through="letter"))
    with transaction() as session:
        assert code(session, known_by=clock.now()) == code(session) == "consent_lapsed"
        # Who confirms again afterwards is asked by the consent that holds, then as now.
        assert confirm_consent(session, consent_id=consent, at=long_ago + timedelta(seconds=1), evidence=Confirmed())
    with transaction() as session:
        assert code(session, known_by=clock.now()) == code(session) == "existing_customer"
