"""What being on a list takes away, and how long a consent outlives it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.consent_models import CHAIN, Consent, ConsentEvent
from contacts.models import Channel, Endpoint
from core.db import transaction
from core.errors import NotAllowed
from core.evidence import open_batch, seal
from suppression import Question, RuleSettings, activate, assess
from suppression.lists.adapter import ListSpec
from suppression.lists.known import LISTS
from suppression.lists.load import import_list
from suppression.lists.standing import required_versions
from suppression.lists.switching import put_into_force
from suppression.models import ListAsked, ListHit, ListVersion, VersionState
from suppression.rule_settings import RequiredList
from tests.suppression.people import QUESTION, Person, consents, everybody, person

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALLS = Question("phone", "newsletter", 1)


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def listed(session: Session, list_id: str, published_at: datetime, *people: Person, active: bool = True) -> ListVersion:
    version = ListVersion(
        list_id=list_id, state=VersionState.ACTIVE if active else VersionState.REPLACED, published_at=published_at,
        records=1, sha256=b"", fetched_by="test", matched_up_to=10**9,
    )  # fmt: skip
    session.add(version)
    session.flush()
    session.add_all(ListHit(address_id=who.address_id, version_id=version.id, by_domain=False) for who in people)
    session.flush()
    return version


def agrees_to_calls(session: Session, name: str, confirmed_at: datetime | None) -> Person:
    """Somebody in Italy with a telephone, and a recorded consent to calls if it was given at some time."""
    who = person(session, f"{name}@one.example", country="IT")
    session.get_one(Endpoint, who.endpoint_id).channel = Channel.PHONE
    if confirmed_at:
        consent = Consent(
            address_id=who.address_id, controller_id=1, channel="phone", purpose="newsletter", basis="recorded",
            requested_at=confirmed_at, confirmed_at=confirmed_at,
        )  # fmt: skip
        session.add(consent)
        session.flush()
        batch = open_batch(session)
        event = {"consent_id": consent.id, "step": "confirmed", "at": confirmed_at, "batch_id": batch}
        session.add(ConsentEvent(**event, evidence={"evidence_ref": "call 1"}))
        session.flush()
        seal(session, chain=CHAIN, batch_id=batch)
    return who


def codes(session: Session) -> dict[int, str]:
    rows = assess(session, audience=everybody(), question=CALLS, as_of=NOW).rows
    return {row.address_id: f"{row.verdict} {row.code}" for row in session.execute(select(rows))}


def test_a_registration_in_italy_ends_the_consents_that_are_older(database: str) -> None:
    with transaction() as session:
        stranger, free = agrees_to_calls(session, "stranger", None), agrees_to_calls(session, "free", days_ago(300))
        before = agrees_to_calls(session, "before", days_ago(100))
        between = agrees_to_calls(session, "between", days_ago(20))
        late = agrees_to_calls(session, "late", days_ago(2))
        listed(session, "it.rpo", days_ago(40), before, between, late, active=False)
        listed(session, "it.rpo", days_ago(5), before, between, late, stranger)
        assert codes(session) == {
            stranger.address_id: "block no_basis",
            free.address_id: "send consent",
            before.address_id: "block robinson_listed",
            # The registration may have been renewed since: a person looks.
            between.address_id: "hold robinson_listed",
            late.address_id: "hold robinson_listed",
        }


def test_who_left_the_registry_has_the_consent_back(database: str) -> None:
    with transaction() as session:
        gone = agrees_to_calls(session, "gone", days_ago(100))
        listed(session, "it.rpo", days_ago(40), gone, active=False)
        listed(session, "it.rpo", days_ago(5))
        assert codes(session) == {gone.address_id: "send consent"}


def test_a_list_that_ended_is_neither_taken_nor_asked(database: str, tmp_path: Path) -> None:
    file = tmp_path / "bloctel.csv"
    file.write_text("phone\n+33123456789\n")
    with pytest.raises(NotAllowed, match="ended on 2026-08-11"):
        import_list(path=file, list_id="fr.bloctel", actor="test")
    settings = RuleSettings(required_lists=({"list_id": "fr.bloctel", "countries": ("FR",)},))
    with transaction() as session:
        for on, asked in ((datetime(2026, 8, 10, tzinfo=UTC), 1), (datetime(2026, 8, 11, tzinfo=UTC), 0)):
            assert len(required_versions(session, settings, channel="phone", as_of=on)) == asked


@pytest.mark.parametrize("keeps", [True, False])
def test_hits_go_with_their_version_where_the_operator_allows_no_keeping(database: str, keeps: bool) -> None:
    known = LISTS["at.ecg.file"]
    spec = ListSpec(**{**vars(known), "keeps_hits": keeps})
    with transaction() as session:
        who = person(session, "one@one.example")
        before = listed(session, spec.id, days_ago(10), who)
        after = ListVersion(
            list_id=spec.id, state=VersionState.LOADING, published_at=NOW, records=0, sha256=b"", fetched_by="test"
        )
        session.add(after)
        session.flush()
        put_into_force(session, after, before, spec=spec)
        hits = session.scalars(select(ListHit.version_id)).all()
        assert hits == ([before.id] if keeps else [])
        assert after.changes is not None
        assert after.changes["hits_lost"] == 1


def test_a_list_with_a_file_says_nothing_for_a_service_that_was_not_asked(database: str) -> None:
    names = ("at.ecg.api", "at.ecg.file")
    both = tuple(RequiredList(list_id=name, countries=("AT",), unknown_country=False) for name in names)
    with transaction() as session:
        people = {}
        for name, country in (("asked", "AT"), ("asked before", "AT"), ("unasked", "AT"), ("elsewhere", "DE")):
            people[name] = person(session, f"{name.replace(' ', '.')}@one.example", country=country)
            consents(session, people[name], confirmed_at=days_ago(9))
        before = listed(session, "at.ecg.api", days_ago(1), active=False)
        versions = {name: listed(session, name, NOW - timedelta(hours=1)) for name in names}
        for version, name in ((before, "asked before"), (versions["at.ecg.api"], "asked")):
            session.add(ListAsked(version_id=version.id, address_id=people[name].address_id))
        session.flush()

        def found(required: tuple[RequiredList, ...]) -> dict[str, str]:
            activate(session, RuleSettings(required_lists=required), actor="test")
            rows = assess(session, audience=everybody(), question=QUESTION, as_of=NOW).rows
            codes = dict(session.execute(select(rows.c.address_id, rows.c.code)).all())
            return {name: codes[who.address_id] for name, who in people.items()}

        held = {"asked before": "list_outdated", "unasked": "list_outdated"}
        assert found(both) == dict.fromkeys(people, "consent") | held
        assert found(tuple(one for one in both if one.list_id == "at.ecg.file")) == dict.fromkeys(people, "consent")
