"""To the second: how long a version of a list is relied on, which one was in force when, whom nobody asked about."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from contacts.models import Channel, Endpoint
from core.db import transaction
from suppression import RuleSettings, activate, status
from suppression.facts import Listing
from suppression.lists.known import LISTS
from suppression.lists.standing import (
    Freshness,
    ListStatus,
    RequiredVersion,
    freshness,
    outdated_from,
    required_lists,
    required_versions,
    somebody_unasked,
)
from suppression.models import ListAsked, ListHit, ListVersion, VersionState
from suppression.policy import Needs, PolicyRow
from suppression.rule_settings import RequiredList
from tests.suppression.people import person

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def version(list_id: str = "uk.tps", published_at: datetime = NOW, **more: object) -> ListVersion:
    stored = {"state": VersionState.ACTIVE, "records": 7, "sha256": b"", "fetched_by": "test", "matched_up_to": 10**9}
    return ListVersion(list_id=list_id, published_at=published_at, **stored | more)


def put(session: Session, list_id: str, published_at: datetime = NOW, **more: object) -> ListVersion:
    made = version(list_id, published_at, **more)
    session.add(made)
    session.flush()
    return made


@pytest.mark.parametrize(
    ("max_age_days", "notice"),
    [(1, None), (3, DAY), (10, 2 * DAY), (30, 6 * DAY), (92, 7 * DAY)],
)
def test_a_list_is_fresh_then_due_then_outdated(max_age_days: int, notice: timedelta | None) -> None:
    def state(left: timedelta) -> Freshness:
        return freshness(version(), max_age_days=max_age_days, as_of=NOW + timedelta(days=max_age_days) - left)

    assert state(-SECOND) is Freshness.OUTDATED
    if notice is None:
        assert {state(timedelta()), state(SECOND), state(DAY)} == {Freshness.FRESH}
    else:
        assert [state(left) for left in (timedelta(), notice - SECOND, notice)] == ["due", "due", "fresh"]
    assert freshness(None, max_age_days=max_age_days, as_of=NOW) is Freshness.MISSING


def test_what_compliance_calls_too_old_is_so_from_that_very_moment() -> None:
    said = version(expired_at=NOW + 10 * DAY)
    seen = [freshness(said, max_age_days=30, as_of=NOW + 10 * DAY + shift) for shift in (-SECOND, 0 * SECOND, SECOND)]
    assert seen == ["due", "outdated", "outdated"]
    assert outdated_from(said, max_age_days=30) == NOW + 10 * DAY
    # Its age makes it too old earlier than compliance did.
    assert outdated_from(said, max_age_days=9) == NOW + 9 * DAY
    assert outdated_from(version(), max_age_days=9) == NOW + 9 * DAY


def test_each_list_is_asked_in_the_version_of_that_moment_and_takes_what_its_law_says(database: str) -> None:
    names = ("at.ecg.api", "at.ecg.file", "de.idi", "it.rpo", "xx.unknown", "uk.tps", "es.robinson")
    required = tuple(RequiredList(list_id=name, countries=("AT",), max_age_days=10) for name in names)
    settings = RuleSettings(required_lists=required)
    with transaction() as session:
        # The newer ones are on record first.
        third, second, first = (
            put(session, "de.idi", NOW - days * DAY, state=state, activated_at=NOW - days * DAY)
            for days, state in ((1, VersionState.ACTIVE), (2, VersionState.REPLACED), (3, VersionState.REPLACED))
        )
        put(session, "de.idi", NOW, state=VersionState.LOADING)
        api = put(session, "at.ecg.api", NOW - 9 * DAY, activated_at=NOW - 9 * DAY)
        file = put(session, "at.ecg.file", NOW - 10 * DAY - SECOND, activated_at=NOW - 10 * DAY)

        def found(channel: str, **options: datetime) -> dict[str, tuple[object, ...]]:
            asked = required_versions(session, settings, channel=channel, as_of=NOW, **options)
            assert all(isinstance(one, RequiredVersion) and one.concerned == ("AT", "") for one in asked)
            return {
                one.list_id: (one.version_id, one.outdated, one.takes, one.ends_consents, one.is_asked) for one in asked
            }

        assert found("email") == {
            "at.ecg.api": (api.id, False, Listing.CUSTOMER, False, True),
            "at.ecg.file": (file.id, True, Listing.CUSTOMER, False, False),
            "de.idi": (third.id, False, Listing.INTEREST, False, False),
            "xx.unknown": (None, True, Listing.CUSTOMER, False, False),
            "es.robinson": (None, True, Listing.INTEREST, False, True),
        }
        by_phone = found("phone")
        assert {"it.rpo", "uk.tps", "xx.unknown", "es.robinson"} <= set(by_phone)
        assert by_phone["it.rpo"] == (None, True, Listing.CUSTOMER, True, False)
        for moment, expected in (
            (NOW - 3 * DAY - SECOND, None),
            (NOW - 3 * DAY, first.id),
            (NOW - 2 * DAY - SECOND, first.id),
            (NOW - 2 * DAY, second.id),
            (NOW - DAY, third.id),
        ):
            then = found("email", known_by=moment)
            assert then["de.idi"][0] == expected
            assert then["at.ecg.api"] == (api.id, False, Listing.CUSTOMER, False, False)


def test_a_service_is_to_be_asked_about_those_in_its_countries_with_an_endpoint_on_its_channels(database: str) -> None:
    with transaction() as session:
        now, before = put(session, "at.ecg.api"), put(session, "at.ecg.api", state=VersionState.REPLACED)

        def unasked(*concerned: str) -> bool:
            return somebody_unasked(session, now, concerned=concerned)

        assert not unasked("AT", "")
        person(session, "german@one.example", country="DE")
        by_phone = person(session, "phone@one.example", country="AT")
        session.get_one(Endpoint, by_phone.endpoint_id).channel = Channel.PHONE
        other = person(session, "asked@one.example", country="AT")
        session.add(ListAsked(version_id=now.id, address_id=other.address_id))
        session.flush()
        assert not unasked("AT", "")
        assert unasked("DE", "AT")
        who = person(session, "reader@one.example", country="AT")
        session.add(ListAsked(version_id=before.id, address_id=who.address_id))
        session.flush()
        assert unasked("AT")
        assert not unasked("")
        session.add(ListAsked(version_id=now.id, address_id=who.address_id))
        person(session, "somewhere@one.example", country=None)
        session.flush()
        assert not unasked("AT")
        assert unasked("AT", "")
        assert not somebody_unasked(session, put(session, "at.ecg.file"), concerned=("AT", ""))


def test_the_status_tells_everything_about_each_list(database: str) -> None:
    required = (
        RequiredList(list_id="xx.unknown", countries=("AT",), max_age_days=4),
        RequiredList(list_id="at.ecg.file", countries=("AT",), max_age_days=9),
        RequiredList(list_id="at.ecg.api", countries=("AT",), max_age_days=2),
    )
    with transaction() as session:
        activate(session, RuleSettings(required_lists=required), actor="test")
        people = [person(session, f"p{number}@one.example").address_id for number in range(3)]
        strange, file, tps = (
            put(session, name, NOW - 3 * DAY - SECOND) for name in ("yy.strange", "at.ecg.file", "uk.tps")
        )
        old = put(session, "at.ecg.file", NOW - 5 * DAY, state=VersionState.REPLACED)
        session.add_all(
            ListHit(address_id=address, version_id=one.id, by_domain=False)
            for one, listed in ((file, people[:2]), (tps, people[:1]), (old, people))
            for address in listed
        )
        session.flush()
        shown = {one.list: one for one in status(session, as_of=NOW)}
        assert list(shown) == ["at.ecg.api", "at.ecg.file", "uk.tps", "xx.unknown", "yy.strange"]
        published = NOW - 3 * DAY - SECOND
        ecg, british = LISTS["at.ecg.file"], LISTS["uk.tps"]
        assert shown["at.ecg.file"] == ListStatus(
            "at.ecg.file", "RTR", file.id, 7, published, 3, 9, Freshness.FRESH, 2, ecg.title, "AT", ("email",), True,
            published + 9 * DAY,
        )  # fmt: skip
        assert shown["uk.tps"] == ListStatus(
            "uk.tps", british.operator, tps.id, 7, published, 3, british.max_age_days, Freshness.FRESH, 1,
            british.title, "GB", british.channels, False, published + british.max_age_days * DAY,
        )  # fmt: skip
        assert shown["xx.unknown"] == ListStatus(
            "xx.unknown", "", None, 0, None, None, 4, Freshness.MISSING, 0, "", "", (), True, None
        )
        assert shown["yy.strange"] == ListStatus(
            "yy.strange", "", strange.id, 7, published, 3, 0, Freshness.OUTDATED, 0, "", "", (), False, published
        )
        assert (shown["at.ecg.api"].max_age_days, shown["at.ecg.api"].version) == (2, None)
        every = [one.list for one in status(session, every=True)]
        assert every == sorted({*LISTS, *shown})
        assert {one.state for one in status(session, as_of=NOW + 1000 * DAY) if one.version} == {"outdated"}


def test_the_lists_of_the_markets_are_required_at_the_strictest_age_of_the_channels() -> None:
    def names(settings: RuleSettings) -> dict[str, int]:
        return {name: one.max_age_days for name, one in required_lists(settings, on=NOW).items()}

    own = [("abroad", "FR", False), ("at home", "AT", False), ("unknown", "FR", True), ("both", "AT", True)]
    chosen = tuple(
        RequiredList(list_id=name, countries=(country,), unknown_country=unknown) for name, country, unknown in own
    )
    settings = RuleSettings(required_lists=chosen, markets=("AT", "CH"))
    assert names(settings) == {"at home": 30, "unknown": 30, "both": 30}
    rows = tuple(
        PolicyRow(
            country=country, channels=(channel,), needs=Needs.CONSENT, valid_from=NOW.date(), source="a law",
            lists=({"list_id": name, "max_age_days": age},),
        )
        for country, channel, name, age in (
            ("AT", "email", "one", 9), ("AT", "sms", "one", 5), ("AT", "post", "one", 7), ("AT", "phone", "one", 1),
            ("FR", "email", "two", 3), ("CH", "phone", "three", 3),
        )
    )  # fmt: skip
    assert names(RuleSettings(policies=rows, channels=("email", "sms", "post"), markets=("AT", "CH"))) == {"one": 5}


def test_a_list_that_several_channels_need_concerns_everybody_of_all_of_them() -> None:
    rows = tuple(
        PolicyRow(
            country=country, channels=(channel,), needs=Needs.CONSENT, valid_from=NOW.date(), source="a law",
            lists=({"list_id": "one", "max_age_days": age},),
        )
        for country, channel, age in (("AT", "email", 5), ("CH", "phone", 9), ("DE", "post", 3))
    )  # fmt: skip
    settings = RuleSettings(policies=rows, channels=("email", "phone"), markets=("CH",))
    # Of the e-mail list only Austrians are asked about, and Austria is no market.
    assert required_lists(settings, on=NOW)["one"].concerned == ("CH", "")
    settings = RuleSettings(policies=rows, channels=("email", "phone"), markets=("AT", "CH"))
    needed = required_lists(settings, on=NOW)["one"]
    assert (needed.concerned, needed.max_age_days) == (("AT", "CH", ""), 5)
