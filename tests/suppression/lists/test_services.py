"""Lists that are asked: every answer is kept with its evidence, and silence never means "not listed"."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha512

import pytest
from sqlalchemy import func, select, update

from contacts.models import Channel, Endpoint
from core import clock
from core.db import transaction
from core.errors import NotAllowed, NotReachable
from core.settings import settings
from suppression import RuleSettings, activate, assess
from suppression.lists import asked, at_ecg_api, es_robinson
from suppression.lists.adapter import Candidate
from suppression.lists.aws_signature import signed_headers
from suppression.lists.checks import check, due
from suppression.lists.lookup import match
from suppression.models import ListAsked, ListCheck, ListHit, ListVersion, VersionState
from suppression.rule_settings import RequiredList
from suppression.tasks import ask_lists
from tests.suppression.lists.services import Ecg, Robinson, Service, serving
from tests.suppression.people import QUESTION, address_of, consents, everybody, person

ECG, ROBINSON = "at.ecg.api", "es.robinson"


def digest(words: str) -> str:
    return sha512(words.encode()).hexdigest()


@pytest.fixture
def ecg(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with serving(Ecg) as service:
        monkeypatch.setenv("CRUSOE_ECG_URL", f"{service.url}/dev/api/v1/emails/check/batch")
        monkeypatch.setenv("CRUSOE_ECG_API_KEY", "secret key")
        monkeypatch.setattr(asked, "AGAIN", 0.001)
        settings.cache_clear()
        yield service
    settings.cache_clear()


@pytest.fixture
def robinson(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with serving(Robinson) as service:
        monkeypatch.setattr(asked, "AGAIN", 0.001)
        monkeypatch.setenv("CRUSOE_ROBINSON_URL", f"{service.url}/v1/api/user")
        monkeypatch.setenv("CRUSOE_ROBINSON_ACCESS_KEY", "KEY")
        monkeypatch.setenv("CRUSOE_ROBINSON_SECRET_KEY", "secret")
        settings.cache_clear()
        yield service
    settings.cache_clear()


def requires(list_id: str, country: str) -> None:
    needed = RequiredList(list_id=list_id, countries=(country,), unknown_country=False, max_age_days=1)
    with transaction() as session:
        activate(session, RuleSettings(required_lists=(needed,), markets=(country,)), actor="test")


def codes() -> dict[str, int]:
    with transaction() as session:
        return dict(assess(session, audience=everybody(), question=QUESTION).counts()["reasons"])


def test_an_address_is_asked_with_and_without_its_dots_and_by_its_domain() -> None:
    made = at_ecg_api.hashes(Candidate(1, "Karl.Testinger@firma.at"))
    assert made == tuple(map(digest, ("karl.testinger@firma.at", "karltestinger@firma.at", "firma.at")))
    assert made[0].startswith("8be3580a")
    assert made[0].endswith("bccbdcd1")
    assert made[1].startswith("8c6e38d9")
    assert at_ecg_api.hashes(Candidate(1, "x@home.lan"))[-1].startswith("f55f1fa3")


def test_any_hit_of_the_service_counts_and_the_check_is_kept_as_a_version(ecg: Service) -> None:
    with transaction() as session:
        for name in ("with.dots@one.example", "no.dots@two.example", "any@listed.example", "free@one.example"):
            consents(session, person(session, name, country="AT"), confirmed_at=clock.now() - timedelta(days=9))
        german = person(session, "with.dots@german.example", country="DE")
    ecg.listed = {digest("with.dots@one.example"), digest("nodots@two.example"), digest("listed.example")}
    requires(ECG, "AT")
    assert codes() == {"list_outdated": 4, "no_basis": 1}
    done = check(list_id=ECG, actor="test")
    assert (done.asked, done.listed, done.requests) == (4, 3, 1)
    # Nobody else's digests leave the house.
    assert len(ecg.asked[0]) == 9
    assert digest("with.dots@german.example") not in ecg.asked[0]
    assert codes() == {"robinson_listed": 3, "consent": 1, "no_basis": 1}
    with transaction() as session:
        version = session.scalars(select(ListVersion)).one()
        assert (version.state, version.records, len(version.sha256)) == (VersionState.ACTIVE, 4, 32)
        assert version.reason == "required by rules 2; maximum age in days: 1"
        assert session.scalar(select(func.count()).select_from(ListCheck)) == 1
        assert session.get(ListAsked, (version.id, german.address_id)) is None
        found = match(session, list_id=ECG, addresses=["any@listed.example", "free@one.example", "new@one.example"])
        assert [one.listed for one in found] == [True, False, None]


def test_somebody_new_is_held_until_the_service_was_asked(ecg: Service) -> None:
    with transaction() as session:
        consents(session, person(session, "first@one.example", country="AT"), confirmed_at=clock.now())
    requires(ECG, "AT")
    check(list_id=ECG, actor="test")
    assert codes() == {"consent": 1}
    with transaction() as session:
        consents(session, person(session, "second@one.example", country="AT"), confirmed_at=clock.now())
    assert codes() == {"consent": 1, "list_outdated": 1}
    done = check(list_id=ECG, actor="test", anew=False)
    assert (done.asked, len(ecg.asked[-1])) == (1, 2)
    assert codes() == {"consent": 2}
    with transaction() as session:
        assert session.scalars(select(ListVersion.records)).all() == [2]


NO_ANSWERS = [
    ([500] * 4, None),
    ([401], None),
    ([302], None),
    ([], b"<html>"),
    ([], b"[]"),
    ([], b"{}"),
    ([], b'{"emails": {}}'),
    ([], b'{"emails": [1]}'),
    ([], b'{"emails": ["another hash"]}'),
    ([], b'{"emails": []'),
]


def test_a_service_that_gives_no_clear_answer_leaves_the_list_outdated(ecg: Service) -> None:
    with transaction() as session:
        consents(session, person(session, "reader@one.example", country="AT"), confirmed_at=clock.now())
    requires(ECG, "AT")
    for mood, answer in NO_ANSWERS:
        ecg.mood, ecg.answer = list(mood), answer
        with pytest.raises(NotReachable, match=ECG):
            check(list_id=ECG, actor="test")
    assert codes() == {"list_outdated": 1}
    with transaction() as session:
        assert session.scalars(select(ListVersion.id)).all() == []
        assert session.scalars(select(ListHit.address_id)).all() == []


def test_passing_troubles_are_tried_again_and_a_service_without_a_key_is_not_asked(
    ecg: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        person(session, "reader@one.example", country="AT")
    ecg.mood = [500, 429, 502]
    assert check(list_id=ECG, actor="test").asked == 1
    monkeypatch.delenv("CRUSOE_ECG_API_KEY")
    settings.cache_clear()
    with pytest.raises(NotAllowed, match="key"):
        check(list_id=ECG, actor="test")
    with pytest.raises(NotAllowed, match="file"):
        check(list_id="at.ecg.file", actor="test")


# What the operator publishes about its digests: channel, fields as they are typed, digest.
PUBLISHED = [
    ("email", ("regularmail@listarobinson.net",), "54c46846985b7ee2b5a1dbc899b0f55dbb711f5a7d84ab3f9f8d37060dad2174"),
    ("phone", ("345678890",), "9a0d14c71b6bb4b50fd4a9efc0536de8c7198f4bebdadcc4e7ee32731fb75c15"),
    ("sms", ("345678890",), "ea48b0f337aded1ab2d7fb495b075883b91319a0c8c5b88d5be9d28c95663ac4"),
    ("phone", ("Name", "FirstSurname", "SecondSurname", "345 678 890"),
     "64dd89690038f07b774f3283d4e492550e6b0dc64ecb3a62bb4f99b8157ab031"),
    ("sms", ("Name", "FirstSurname", "SecondSurname", "345678890"),
     "e1d4f02276fd087415f9b9f8886506b30ebc8959ebe34150910036ff3149e9bd"),
    ("post", ("Name", "FirstSurname", "SecondSurname", "MyStreet", "15", "01000", "01"),
     "6c1f4252badfedb77367cefbf2fb1e4e4b00995d4b205c1fbb28c85f77fa1300"),
    ("id", ("98765432A",), "e524b10e0f5e00f0712ac8af272729df0b66eb7110ef1cea3ba17c582d68d28d"),
    ("id", ("X9876543A",), "0581aca5a93de562091691b42e6f84afc7e29e8d9a3d61e4535939788221678d"),
]  # fmt: skip


@pytest.mark.parametrize(("channel", "fields", "wanted"), PUBLISHED)
def test_the_published_digests_come_out(channel: str, fields: tuple[str, ...], wanted: str) -> None:
    words, own = es_robinson.words, {"email": es_robinson.email, "id": es_robinson.identity}
    if channel in {"phone", "sms"}:
        made = [*map(words, fields[:-1]), es_robinson.phone(fields[-1])]
    elif channel == "post":
        made = [*map(words, fields[:4]), es_robinson.house(fields[4]), *fields[5:]]
    else:
        made = [own[channel](fields[0])]
    assert es_robinson.digest(channel, *made) == wanted


@pytest.mark.parametrize(
    ("normaliser", "typed", "wanted"),
    [
        (es_robinson.words, "JAiMe,MARTÍNEZ-lóPEZ,vilÀ", "jaimemartinezlopezvila"),
        (es_robinson.words, "Höfnerø Weiß Cigüeña", "hfnerweiciguena"),
        (es_robinson.words, "Nombre123Vía5", "nombrevia"),
        (es_robinson.email, "Ejemplo#mail-conGuion@Dominio.com", "ejemplomail-conguion@dominio.com"),
        (es_robinson.identity, "89871368-ÁUMi", "89871368m"),
        (es_robinson.house, "15 bis", "15"),
        (es_robinson.house, "sn", "sn"),
        (es_robinson.house, "a15", ""),
        (es_robinson.phone, "+34 932 404 070", "0034932404070"),
        (es_robinson.phone, "0034932404070", "0034932404070"),
        (es_robinson.phone, "93-240.40.70", "0034932404070"),
    ],
)
def test_the_odd_normaliser_is_followed(normaliser, typed: str, wanted: str) -> None:
    assert normaliser(typed) == wanted


def test_a_person_is_asked_by_mail_number_and_address_as_the_operator_digests_them() -> None:
    known = {wanted for _channel, _fields, wanted in PUBLISHED}
    owner = ("ES", "Name", "FirstSurname SecondSurname")
    by_phone = es_robinson.hashes(Candidate(1, "+34345678890", "phone", *owner))
    assert len(known & set(by_phone)) == 4
    assert known & set(es_robinson.hashes(Candidate(1, "MyStreet 15\n01000 Vitoria\nES", "post", *owner)))
    assert known & set(es_robinson.hashes(Candidate(1, "RegularMail@listarobinson.net")))


def test_the_signature_of_each_answer_is_kept_and_batches_hold_sixty(robinson: Service) -> None:
    with transaction() as session:
        people = [person(session, f"reader{number}@one.example", country="ES") for number in range(70)]
        extra = address_of("tel:+34600000000")
        session.add(extra)
        session.flush()
        owner = {"contact_id": people[0].contact_id, "address_id": extra.id}
        session.add(Endpoint(channel=Channel.PHONE, value="+34600000000", **owner))
    robinson.listed = {es_robinson.digest("email", "reader3@one.example"), es_robinson.digest("sms", "0034600000000")}
    robinson.mood = [429, 502]
    done = check(list_id=ROBINSON, actor="test")
    assert (done.asked, done.listed, done.unaskable) == (71, 2, 0)
    assert [len(one) for one in robinson.asked] == [60, 12]
    with transaction() as session:
        kept = session.scalars(select(ListAsked.proofs)).all()
        assert all(proofs and all(one.startswith("signed-") for one in proofs) for proofs in kept)
        assert set(session.scalars(select(ListHit.address_id))) == {people[3].address_id, extra.id}


def test_an_answer_without_a_signature_for_each_digest_is_none(robinson: Service) -> None:
    with transaction() as session:
        person(session, "reader@one.example", country="ES")
    asked_about = es_robinson.digest("email", "reader@one.example")
    unsigned = f'{{"{asked_about}": {{"found": false, "sectors": []}}}}'.encode()
    for robinson.answer in (b"{}", b'{"message": "x"}', b"[]", b"null", unsigned):
        with pytest.raises(NotReachable):
            check(list_id=ROBINSON, actor="test")


def test_requests_are_signed_as_in_the_test_suite_of_aws() -> None:
    # Its case `post-vanilla`.
    made = signed_headers(
        "https://example.amazonaws.com/",
        body=b"",
        access_key="AKIDEXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",  # noqa: S106 - the published example
        region="us-east-1",
        service="service",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert made == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    }


def test_services_are_asked_in_the_background_as_soon_as_somebody_is_new_or_the_answers_grow_old(
    ecg: Service,
) -> None:
    with transaction() as session:
        consents(session, person(session, "first@one.example", country="AT"), confirmed_at=clock.now())
    requires(ECG, "AT")
    assert due() == [(ECG, True)]
    ask_lists.run()
    assert codes() == {"consent": 1}
    assert due() == []
    with transaction() as session:
        person(session, "second@one.example", country="AT")
    assert due() == [(ECG, False)]
    ask_lists.run()
    with transaction() as session:
        session.execute(update(ListVersion).values(published_at=clock.now() - timedelta(hours=13)))
    assert due() == [(ECG, True)]
    ecg.mood = [401]
    ask_lists.run()
    ask_lists.run()
    assert due() == []
    assert len(ecg.asked) == 3
