"""Where a scope, a period or a moment of the past ends, and which row a decision names when several would do."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.consent_models import CHAIN, Consent, ConsentEvent, ConsentStep
from contacts.models import PurchaseKind
from core.db import transaction
from core.evidence import open_batch, seal
from suppression import Cause, Question, RuleSettings, activate, add, assess
from suppression.models import ListHit, ListVersion, SuppressionEntry, SuppressionLift, VersionState
from suppression.rule_settings import Cap, RequiredList, months_before
from tests.suppression.people import QUESTION, Person, buys, consents, everybody, person
from tracking.models import Exposure

NOW = datetime(2026, 8, 31, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
# So much clocks may differ.
SOON = NOW + timedelta(minutes=5)
NO_LISTS = RuleSettings(required_lists=())


def entry(session: Session, who: Person, cause: Cause, at: datetime = NOW - DAY, **more: object) -> int:
    made = SuppressionEntry(address_id=who.address_id, cause=cause, at=at, source="test", evidence={}, **more)
    session.add(made)
    session.flush()
    return made.id


def sent(session: Session, who: Person, at: datetime, **more: object) -> None:
    values = {"channel": "email", "purpose": "newsletter", "basis": "consent", "messages": 1} | more
    session.add(Exposure(address_id=who.address_id, day=at.date(), last_at=at, **values))
    session.flush()


def decided(
    session: Session, *, question: Question = QUESTION, as_of: datetime = NOW, known_by: datetime | None = None
) -> dict[int, tuple[object, ...]]:
    """Code and evidence of each address: consent, purchase, entry, list version."""
    rows = assess(session, audience=everybody(), question=question, as_of=as_of, known_by=known_by).rows
    return {
        row.address_id: (row.code, row.consent_id, row.purchase_id, row.entry_id, row.list_version_id)
        for row in session.execute(select(rows))
    }


def test_an_objection_to_everything_lets_answers_pass_and_only_one_that_names_them_stops_them(database: str) -> None:
    answers = Question("email", "transactional", 1)
    with transaction() as session:
        everything, named, other = (person(session, f"{name}@one.example") for name in ("all", "named", "other"))
        for who, purpose in ((everything, None), (named, "transactional"), (other, "survey")):
            add(session, address_id=who.address_id, cause=Cause.OPTED_OUT, at=NOW, source="page", purpose=purpose)
        complained = person(session, "complained@one.example")
        add(session, address_id=complained.address_id, cause=Cause.COMPLAINT, at=NOW, source="test")
        found = {address: row[0] for address, row in decided(session, question=answers).items()}
        assert found == {
            everything.address_id: "own_request",
            named.address_id: "opted_out",
            other.address_id: "own_request",
            complained.address_id: "complaint",
        }


def test_a_decision_names_the_entry_that_stands_and_the_newest_of_its_kind(database: str) -> None:
    expected = {}
    with transaction() as session:
        activate(session, NO_LISTS, actor="test")

        def confirmed(name: str) -> Person:
            who = person(session, f"{name}@one.example")
            consents(session, who, confirmed_at=NOW - 5 * DAY)
            return who

        for cause in (Cause.OPTED_OUT, Cause.COMPLAINT, Cause.HARD_BOUNCE, Cause.INTERNAL_BLOCK, Cause.MINOR):
            who = confirmed(cause.value)
            days = {days: entry(session, who, cause, NOW - days * DAY) for days in (3, 1, 2)}
            expected[who.address_id] = (cause.value, days[1])
        # Every kind that was answered gives way to the next one.
        order = [Cause.OPTED_OUT, Cause.COMPLAINT, Cause.HARD_BOUNCE, Cause.INTERNAL_BLOCK]
        for place, standing in enumerate(order):
            who = confirmed(f"order{place}")
            ids = {
                cause: entry(session, who, cause, NOW - (9 if cause in order[:place] else 1) * DAY) for cause in order
            }
            entry(session, who, Cause.DECEASED)
            expected[who.address_id] = (standing.value, ids[standing])
        kept = [Cause.CASE_OPEN, Cause.RESTRICTED, Cause.MINOR, Cause.DECEASED]
        for place, newest in enumerate(kept):
            who = confirmed(f"kept{place}")
            # The oldest ones on record are the newest to have happened.
            ids = {cause: entry(session, who, cause, NOW - number * DAY) for number, cause in enumerate(kept[place:])}
            code = min(kept[place:], key=(Cause.DECEASED, Cause.RESTRICTED, Cause.MINOR, Cause.CASE_OPEN).index)
            expected[who.address_id] = (code.value, ids[newest])
        # Nothing answers who never confirmed anything, and where several stand the first kind is named.
        for place in range(3):
            who = person(session, f"stranger{place}@one.example")
            numbers = [entry(session, who, cause, NOW - 400 * DAY) for cause in reversed(order[place:])]
            expected[who.address_id] = (order[place].value, numbers[-1])
        # An objection of the moment of the confirmation is answered by it.
        tied = confirmed("tied")
        for cause in order[:3]:
            entry(session, tied, cause, NOW - 5 * DAY)
        expected[tied.address_id] = ("consent", None)
        found = {address: (row[0], row[3]) for address, row in decided(session).items()}
        assert found == expected


def test_a_decision_names_the_newest_order_that_counts(database: str) -> None:
    expected = {}
    with transaction() as session:
        activate(session, NO_LISTS, actor="test")

        def bought(name: str, *orders: tuple[datetime, PurchaseKind], country: str = "DE", counts: int | None) -> None:
            who = person(session, f"{name}@one.example", country=country)
            made = [
                buys(session, who, number=f"{name}-{place}", ordered_at=at, kind=kind).id
                for place, (at, kind) in enumerate(orders)
            ]
            code = "no_basis" if counts is None else "existing_customer"
            expected[who.address_id] = (code, None if counts is None else made[counts])

        order, inquiry = PurchaseKind.ORDER, PurchaseKind.INQUIRY
        three = [(NOW - days * DAY, order) for days in (30, 10, 20)]
        bought("three", *three, counts=1)
        bought("edge", (months_before(NOW, 24), order), counts=0)
        bought("old", (months_before(NOW, 24) - SECOND, order), counts=None)
        bought("soon", (SOON, order), counts=0)
        bought("future", (SOON + SECOND, order), counts=None)
        bought("nothing", (NOW - DAY, inquiry), counts=None)
        # A fresh consent is the stronger ground, and the only one that is named.
        agreed = person(session, "agreed@one.example")
        consents(session, agreed, confirmed_at=NOW - DAY)
        buys(session, agreed, number="agreed", ordered_at=NOW - DAY)
        expected[agreed.address_id] = ("consent", None)
        found = {address: (row[0], row[2]) for address, row in decided(session).items()}
        assert found == expected


def test_a_decision_names_the_list_that_takes_most_and_of_those_the_first(database: str) -> None:
    with transaction() as session:
        lists = ("at.ecg.file", "de.idi", "be.dncm")
        required = tuple(RequiredList(list_id=name, countries=("DE",)) for name in lists)
        activate(session, RuleSettings(required_lists=required), actor="test")
        # So that no number of a version is one of an entry.
        for days in range(9, 1, -1):
            version_of(session, "at.ecg.file", NOW - days * DAY, VersionState.REPLACED)
        versions = {name: version_of(session, name, NOW - DAY) for name in lists}
        expected = {}
        for number, (named, code, first) in enumerate(
            [
                (("de.idi",), "consent", "de.idi"),
                (("at.ecg.file",), "robinson_listed", "at.ecg.file"),
                (("de.idi", "at.ecg.file"), "robinson_listed", "at.ecg.file"),
                ((), "consent", None),
            ]
        ):
            who = person(session, f"listed{number}@one.example")
            consents(session, who, confirmed_at=NOW - DAY)
            entry(session, who, Cause.HARD_BOUNCE, NOW - 2 * DAY)
            session.add_all(
                ListHit(address_id=who.address_id, version_id=versions[one], by_domain=False) for one in named
            )
            expected[who.address_id] = (code, first and versions[first])
        session.flush()
        found = {address: (row[0], row[4]) for address, row in decided(session).items()}
        assert found == expected


def test_what_lies_minutes_ahead_is_believed_and_nothing_beyond(database: str) -> None:
    expected = {}
    with transaction() as session:
        activate(session, NO_LISTS, actor="test")
        for name, at, code in (("soon", SOON, "consent"), ("future", SOON + SECOND, "opt_in_unconfirmed")):
            who = person(session, f"{name}@one.example")
            consents(session, who, confirmed_at=at, requested_at=NOW - DAY)
            expected[who.address_id] = code
        for name, used, code in (
            ("used", SOON, "consent"),
            ("not-yet", SOON + SECOND, "consent_stale"),
            ("long-ago", months_before(NOW, 18), "consent_stale"),
            ("in-time", months_before(NOW, 18) + SECOND, "consent"),
        ):
            who = person(session, f"{name}@one.example")
            consents(session, who, confirmed_at=months_before(NOW, 20))
            sent(session, who, used)
            expected[who.address_id] = code
        elsewhere = person(session, "by-phone@one.example")
        consents(session, elsewhere, confirmed_at=months_before(NOW, 20))
        sent(session, elsewhere, NOW - DAY, channel="sms")
        expected[elsewhere.address_id] = "consent_stale"
        assert {address: row[0] for address, row in decided(session).items()} == expected


def test_a_moment_of_the_past_knows_what_was_on_record_at_that_very_moment(database: str) -> None:
    then = NOW - 10 * DAY
    expected = {}
    with transaction() as session:
        activate(session, NO_LISTS.model_copy(update={"caps": (Cap(messages=1, days=30),)}), actor="test")

        def agreed(name: str, *steps: tuple[ConsentStep, datetime, datetime]) -> Person:
            """Somebody with steps: what, when, and when it was put on record."""
            who = person(session, f"{name}@one.example")
            consent = Consent(
                address_id=who.address_id, controller_id=1, channel="email", purpose="newsletter",
                basis="double_opt_in", requested_at=NOW - 90 * DAY,
            )  # fmt: skip
            session.add(consent)
            session.flush()
            batch = open_batch(session)
            for step, at, recorded in ((ConsentStep.REQUESTED, NOW - 90 * DAY, NOW - 90 * DAY), *steps):
                session.add(
                    ConsentEvent(
                        batch_id=batch, consent_id=consent.id, step=step, at=at, recorded_at=recorded, evidence={}
                    )
                )
            session.flush()
            seal(session, chain=CHAIN, batch_id=batch)
            return who

        yes, no = ConsentStep.CONFIRMED, ConsentStep.WITHDRAWN
        given = (yes, NOW - 60 * DAY, NOW - 60 * DAY)
        for name, steps, code in (
            ("in-time", ((yes, then, then),), "consent"),
            ("late", ((yes, then, then + SECOND),), "opt_in_unconfirmed"),
            ("ahead", ((yes, then + timedelta(minutes=5), then),), "consent"),
            ("too-far-ahead", ((yes, then + timedelta(minutes=5, seconds=1), then),), "opt_in_unconfirmed"),
            ("left", (given, (no, then, then)), "opted_out"),
            ("left-later", (given, (no, then, then + SECOND)), "consent"),
            ("back", (given, (no, then - 2 * DAY, then - 2 * DAY), (yes, then - DAY, then - DAY)), "consent"),
            (
                "twice",
                ((yes, then - 4 * DAY, then), (no, then - 5 * DAY, then), (yes, then - 6 * DAY, then)),
                "consent",
            ),
            ("left-twice", (given, (no, then - 5 * DAY, then), (no, NOW - 70 * DAY, then)), "opted_out"),
        ):
            expected[agreed(name, *steps).address_id] = code
        for name, recorded, lifted, code in (
            ("known", then, None, "internal_block"),
            ("unknown", then + SECOND, None, "consent"),
            ("lifted", then - DAY, then, "consent"),
            ("lifted-later", then - DAY, then + SECOND, "internal_block"),
        ):
            who = agreed(f"entry-{name}", given)
            number = entry(session, who, Cause.INTERNAL_BLOCK, then - DAY, recorded_at=recorded)
            if lifted:
                session.add(SuppressionLift(entry_id=number, at=lifted, asked_by="a", agreed_by="b", reason="test"))
            expected[who.address_id] = code
        for name, at, code in (("sent", then, "frequency_capped"), ("sent-later", then + SECOND, "consent")):
            who = agreed(name, given)
            sent(session, who, at)
            expected[who.address_id] = code
        session.flush()
        found = {address: row[0] for address, row in decided(session, as_of=then, known_by=then).items()}
        assert found == expected


def version_of(session: Session, name: str, published_at: datetime, state: VersionState = VersionState.ACTIVE) -> int:
    version = ListVersion(
        list_id=name, state=state, published_at=published_at, records=1, sha256=b"", fetched_by="test",
        matched_up_to=10**9,
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version.id
