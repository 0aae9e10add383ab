import pytest
from sqlalchemy import select, text

from core.audit import AuditEvent
from core.db import transaction
from core.errors import WrongInput
from core.evidence import verify
from segments import audience, count, digest, explain, members, parse, sample, save
from segments.service import all_definitions
from tests.segments.world import Person, move_in, settle


@pytest.fixture
def crowd(database):
    with transaction() as session:
        settle(session)
        return move_in(
            session,
            [
                Person(first_name="Alice", country="AT", emails=("alice@a.example",), fields={"age": 40}),
                Person(first_name="Bob", country="DE", emails=("bob@a.example", "bob@b.example"), fields={"age": 20}),
                Person(first_name="Charlie", country="AT", fields={"age": 60}),
            ],
        )


def _save(session, code, data):
    return save(session, code=code, name=code.title(), definition=parse(data), actor="mia@bank.example")


def test_saving_is_audited_and_repeating_it_changes_nothing(crowd):
    with transaction() as session:
        assert _save(session, "grown", {"field": "age", "gte": 30})
        assert not _save(session, "grown", {"field": "age", "gte": 30})
        assert _save(session, "grown", {"field": "age", "gte": 31})
        assert len(list(session.scalars(select(AuditEvent).where(AuditEvent.action == "segment.save")))) == 2
        assert not verify(session)


def test_a_segment_can_build_on_another(crowd):
    with transaction() as session:
        _save(session, "grown", {"field": "age", "gte": 30})
        _save(session, "austria", {"all": [{"field": "country", "is": "AT"}, {"segment": "grown"}]})
        _save(session, "rest", {"not": {"segment": "austria"}})
        assert set(session.scalars(members(session, "austria"))) == {crowd[0], crowd[2]}
        assert list(session.scalars(members(session, "rest"))) == [crowd[1]]


def test_segments_never_refer_to_each_other_in_a_circle(crowd):
    with transaction() as session:
        _save(session, "a", {"field": "age", "gte": 30})
        _save(session, "b", {"not": {"segment": "a"}})
        with pytest.raises(WrongInput) as caught:
            _save(session, "a", {"any": [{"field": "age", "is": 1}, {"segment": "b"}]})
        assert caught.value.code == "segment_circle"
        with pytest.raises(WrongInput) as caught:
            _save(session, "c", {"segment": "c"})
        assert caught.value.where == "segment"
        assert set(all_definitions(session)) == {"a", "b"}


def test_segments_that_multiply_by_referring_are_stopped(crowd):
    with transaction() as session:
        _save(session, "s0", {"any": [{"field": "age", "is": n} for n in range(100)]})
        _save(session, "s1", {"all": [{"segment": "s0"}] * 5})
        with pytest.raises(WrongInput) as caught:
            _save(session, "s2", {"all": [{"segment": "s1"}] * 5})
        assert caught.value.code == "segment_too_large"


def test_an_unknown_segment_or_field_is_refused_with_the_nearest_name(crowd):
    with transaction() as session:
        with pytest.raises(WrongInput, match="no segment 'nobody'"):
            _save(session, "x", {"not": {"segment": "nobody"}})
        with pytest.raises(WrongInput) as caught:
            _save(session, "x", {"all": [{"field": "country", "is": "AT"}, {"field": "agee", "gte": 3}]})
        assert (caught.value.where, caught.value.remedy) == ("all[1].field", "Did you mean age?")


def test_the_digest_follows_every_segment_that_is_referred_to(crowd):
    with transaction() as session:
        _save(session, "inner", {"field": "age", "gte": 30})
        _save(session, "outer", {"not": {"segment": "inner"}})
        _save(session, "other", {"field": "age", "gte": 1})
        before = digest(session, "outer")
        _save(session, "other", {"field": "age", "gte": 2})
        assert digest(session, "outer") == before
        _save(session, "inner", {"field": "age", "gte": 31})
        assert digest(session, "outer") != before


def test_the_audience_has_a_row_for_each_address(crowd):
    with transaction() as session:
        _save(session, "all", {"field": "age", "gte": 0})
        rows = session.execute(audience(session, "all")).all()
        assert sorted(row.contact_id for row in rows) == [crowd[0], crowd[1], crowd[1]]
        assert len({row.address_id for row in rows}) == 3
        known = session.execute(text("SELECT contact_id, id, address_id FROM endpoint")).all()
        assert sorted(map(tuple, rows)) == sorted(map(tuple, known))


def test_count_tells_members_from_those_who_can_be_reached(crowd):
    with transaction() as session:
        size = count(session, parse({"field": "age", "gte": 0}))
    assert (size.members, size.reachable) == (3, 2)


def test_a_sample_is_the_same_at_every_call(crowd):
    with transaction() as session:
        anybody = parse({"field": "age", "gte": 0})
        assert [contact.id for contact in sample(session, anybody, size=2)] == [crowd[2], crowd[1]]


def test_an_explanation_names_every_condition_in_words(crowd):
    with transaction() as session:
        _save(session, "x", {"all": [{"field": "age", "gte": 30}, {"not": {"field": "country", "is": "AT"}}]})
        lines = [(line.path, line.depth, line.asks, line.holds) for line in explain(session, "x", crowd[0])]
    assert lines == [
        ("", 0, "all of these hold", False),
        ("all[0]", 1, "age is at least 30", True),
        ("all[1]", 1, "this does not hold", False),
        ("all[1].not", 2, "country is AT", True),
    ]
