"""Calls: whose law says for how long somebody is a customer, what proves a consent, and what a registration ends."""

from sqlalchemy import select, update

from contacts.consent_models import CHAIN, Consent, ConsentEvent, ConsentStep
from contacts.models import Channel, Controller, Endpoint, Purchase, PurchaseKind
from core.db import transaction
from core.evidence import open_batch, seal
from suppression import Cause, Question, RuleSettings, activate, assess
from suppression.models import ListHit, SuppressionEntry, VersionState
from suppression.rule_settings import RequiredList, months_before
from tests.suppression.people import buys, consents, everybody, person
from tests.suppression.test_edges import DAY, NO_LISTS, NOW, SECOND, decided, sent, version_of

CALLS = Question("phone", "newsletter", 1)


def test_the_widest_period_of_all_laws_is_searched_and_that_of_the_person_counts(database: str) -> None:
    with transaction() as session:
        session.get_one(Controller, 1).country = "CA"
        half_a_year, quarter = months_before(NOW, 6), months_before(NOW, 3)
        expected = {}
        inquiries = (
            ("CA", half_a_year, "existing_customer"),
            ("CA", half_a_year - SECOND, "legitimate_interest"),
            ("US", quarter, "existing_customer"),
            ("US", quarter - SECOND, "legitimate_interest"),
        )
        for number, (country, at, code) in enumerate(inquiries):
            who = person(session, f"p{number}@one.example", country=country)
            session.get_one(Endpoint, who.endpoint_id).channel = Channel.PHONE
            buys(session, who, number=f"{number}", ordered_at=at, kind=PurchaseKind.INQUIRY)
            expected[who.address_id] = code
        activate(session, NO_LISTS, actor="test")
        assert {address: row[0] for address, row in decided(session, question=CALLS).items()} == expected
        # What else is known about somebody, and is newer, is not taken for the inquiry.
        first = session.scalars(select(Purchase).order_by(Purchase.id)).first()
        (address,) = session.scalars(select(Endpoint.address_id).where(Endpoint.contact_id == first.contact_id))
        session.add_all(
            SuppressionEntry(address_id=address, cause=Cause.CASE_OPEN, at=NOW, source="test", evidence={})
            for _ in range(first.id + 2)
        )
        session.flush()
        assert decided(session, question=CALLS)[address][:3] == ("case_open", None, first.id)
        # The law of one country lets consents lapse early; those of others live on by their use.
        short = [
            row.model_copy(update={"stale_after_months": 6, "lapsed_after_months": 6}) if row.country == "GB" else row
            for row in NO_LISTS.policies
        ]
        activate(session, NO_LISTS.model_copy(update={"policies": tuple(short)}), actor="test")
        old = {}
        for country, code in (("DE", "consent_stale"), ("GB", "consent_lapsed")):
            who = person(session, f"old{country}@one.example", country=country)
            consents(session, who, confirmed_at=months_before(NOW, 30))
            sent(session, who, months_before(NOW, 20))
            old[who.address_id] = code
        found = {address: row[0] for address, row in decided(session).items()}
        assert {address: found[address] for address in old} == old


def test_a_consent_to_calls_counts_with_the_proof_of_its_own_confirmation_only(database: str) -> None:
    at, proof = NOW - 9 * DAY, {"evidence_ref": "call 1"}
    expected = {}
    with transaction() as session:
        activate(session, NO_LISTS, actor="test")
        for name, step, moment, evidence, code in (
            ("proven", ConsentStep.CONFIRMED, at, proof, "consent"),
            ("earlier", ConsentStep.CONFIRMED, at - SECOND, proof, "consent_unproven"),
            ("asked", ConsentStep.REQUESTED, at, proof, "consent_unproven"),
            ("bare", ConsentStep.CONFIRMED, at, {"ip": "192.0.2.1"}, "consent_unproven"),
        ):
            who = person(session, f"{name}@one.example")
            session.get_one(Endpoint, who.endpoint_id).channel = Channel.PHONE
            consent = consents(session, who, confirmed_at=at)
            consent.channel = Channel.PHONE
            batch = open_batch(session)
            session.add(ConsentEvent(batch_id=batch, consent_id=consent.id, step=step, at=moment, evidence=evidence))
            session.flush()
            seal(session, chain=CHAIN, batch_id=batch)
            expected[who.address_id] = code
        assert {address: row[0] for address, row in decided(session, question=CALLS).items()} == expected
        # By mail nobody asks for a recording.
        session.execute(update(Consent).values(channel=Channel.EMAIL))
        session.execute(update(Endpoint).values(channel=Channel.EMAIL))
        assert {row[0] for row in decided(session).values()} == {"consent"}


def test_only_a_list_that_ends_consents_does_and_only_where_it_is_asked(database: str) -> None:
    expected = {}
    with transaction() as session:
        required = [
            RequiredList(list_id="it.rpo", countries=("IT",), unknown_country=False),
            RequiredList(list_id="uk.tps", countries=("GB", "IT"), unknown_country=False),
        ]
        activate(session, RuleSettings(required_lists=tuple(required)), actor="test")
        before = version_of(session, "it.rpo", NOW - 20 * DAY, VersionState.REPLACED)
        earlier = version_of(session, "uk.tps", NOW - 40 * DAY, VersionState.REPLACED)
        lists = {name: version_of(session, name, NOW - 2 * DAY) for name in ("it.rpo", "uk.tps")}
        for number, (country, named, confirmed, code) in enumerate(
            [
                ("IT", "it.rpo", NOW - 30 * DAY, "block robinson_listed"),
                # At one moment the registration outweighs the consent.
                ("IT", "it.rpo", NOW - 2 * DAY, "block robinson_listed"),
                ("IT", "it.rpo", NOW - DAY, "hold robinson_listed"),
                ("IT", "uk.tps", NOW - 9 * DAY, "hold robinson_listed"),
                ("GB", "uk.tps", NOW - 9 * DAY, "hold robinson_listed"),
                ("GB", "it.rpo", NOW - 9 * DAY, "send consent"),
            ]
        ):
            who = person(session, f"p{number}@one.example", country=country)
            session.get_one(Endpoint, who.endpoint_id).channel = Channel.PHONE
            consent = consents(session, who, confirmed_at=confirmed)
            consent.channel = Channel.PHONE
            batch = open_batch(session)
            proof = {"evidence_ref": "call 1"}
            step = ConsentStep.CONFIRMED
            session.add(ConsentEvent(batch_id=batch, consent_id=consent.id, step=step, at=confirmed, evidence=proof))
            session.add(ListHit(address_id=who.address_id, version_id=lists[named], by_domain=False))
            session.flush()
            seal(session, chain=CHAIN, batch_id=batch)
            expected[who.address_id] = code
        rows = assess(session, audience=everybody(), question=CALLS, as_of=NOW).rows
        found = {row.address_id: f"{row.verdict} {row.code}" for row in session.execute(select(rows))}
        assert found == expected
        # Who was named before is named under the version in force.
        first = session.scalars(select(ListHit.address_id).order_by(ListHit.address_id)).first()
        session.add(ListHit(address_id=first, version_id=before, by_domain=False))
        session.flush()
        (named,) = session.scalars(select(rows.c.list_version_id).where(rows.c.address_id == first))
        again = assess(session, audience=everybody(), question=CALLS, as_of=NOW).rows
        (still,) = session.scalars(select(again.c.list_version_id).where(again.c.address_id == first))
        assert named == still == lists["it.rpo"]
        # So is who is asked about alone; and what other lists said earlier takes nothing back.
        session.add(ListHit(address_id=first, version_id=earlier, by_domain=False))
        session.flush()
        one = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
        alone = assess(session, audience=one.where(Endpoint.address_id == first), question=CALLS, as_of=NOW).rows
        (row,) = session.execute(select(alone))
        assert (row.verdict, row.code, row.list_version_id) == ("block", "robinson_listed", lists["it.rpo"])


def test_the_law_of_the_controller_who_asks_counts_beside_that_of_the_person(database: str) -> None:
    with transaction() as session:
        session.add(Controller(code="sister", name="Sister", imprint="", country="CA"))
        who = person(session, "p@one.example", country="CA")
        session.get_one(Endpoint, who.endpoint_id).channel = Channel.PHONE
        activate(session, NO_LISTS, actor="test")
        for first, second in (("DE", "CA"), ("CA", "DE")):
            for number, country in ((1, first), (2, second)):
                session.get_one(Controller, number).country = country
            session.flush()
            codes = [decided(session, question=Question("phone", "newsletter", number)) for number in (1, 2)]
            expected = {"CA": "legitimate_interest", "DE": "no_basis"}
            assert [one[who.address_id][0] for one in codes] == [expected[first], expected[second]]
        # Of a controller whom nobody knows there is no law that would allow more.
        assert decided(session, question=Question("phone", "newsletter", 3))[who.address_id][0] == "no_basis"
