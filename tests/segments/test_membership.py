from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from core.db import transaction
from core.errors import WrongInput
from segments import compile as compiled
from segments import explain, members, parse, parse_yaml, save, write_yaml
from tests.segments.strategies import definitions, people
from tests.segments.world import FIELDS, NOW, Person, move_in, passing, plainly, settle

SOME = settings(
    max_examples=80,
    deadline=None,
    # Shrinking asks the database thousands of times; the worlds are small enough to read as they are.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _checked(data):
    try:
        return parse(data)
    except WrongInput:
        # Generated trees may be deeper than allowed.
        assume(False)


def test_the_compiled_select_finds_exactly_those_whom_a_plain_reading_finds(database):
    with transaction() as session:
        settle(session)

    @SOME
    @given(st.lists(people(), min_size=1, max_size=6), st.lists(definitions, min_size=3, max_size=12))
    def compare(crowd, asked):
        with passing() as session:
            ids = move_in(session, crowd)
            for data in asked:
                definition = _checked(data)
                found = set(session.scalars(compiled(definition, FIELDS, NOW)))
                wanted = {ids[at] for at, person in enumerate(crowd) if plainly(definition.root, person)}
                assert found == wanted, data

    compare()


def test_a_definition_and_its_negation_part_everybody(database):
    with transaction() as session:
        settle(session)

    @SOME
    @given(st.lists(people(), min_size=1, max_size=4), definitions)
    def compare(crowd, data):
        with passing() as session:
            ids = set(move_in(session, crowd))
            inside = set(session.scalars(compiled(_checked(data), FIELDS, NOW)))
            outside = set(session.scalars(compiled(_checked({"not": data}), FIELDS, NOW)))
            assert inside | outside == ids
            assert not inside & outside

    compare()


def test_the_first_line_of_an_explanation_agrees_with_the_membership(database):
    with transaction() as session:
        settle(session)

    @SOME
    @given(st.lists(people(), min_size=1, max_size=3), definitions)
    def compare(crowd, data):
        with passing() as session:
            ids = move_in(session, crowd)
            definition = _checked(data)
            save(session, code="s", name="S", definition=definition, actor="system")
            inside = set(session.scalars(members(session, "s", now=NOW)))
            for contact_id, person in zip(ids, crowd, strict=True):
                lines = explain(session, "s", contact_id, now=NOW)
                assert lines[0].holds is (contact_id in inside)
                nodes = list(definition.nodes())
                assert [line.holds for line in lines] == [plainly(node, person) for _, _, node in nodes]

    compare()


@settings(max_examples=200, deadline=None)
@given(definitions)
def test_the_written_form_reads_back_to_the_same_definition(data):
    definition = _checked(data)
    assert parse_yaml(write_yaml(definition)) == definition
    assert parse(definition.data).digest == definition.digest


def test_a_person_without_a_value_is_not_what_was_excluded(database):
    with transaction() as session:
        settle(session)
        (nobody, student) = move_in(session, [Person(), Person(fields={"job": "student"})])
        found = set(session.scalars(compiled(parse({"field": "job", "not_in": ["student"]}), FIELDS, NOW)))
    assert nobody in found
    assert student not in found


def test_what_looks_like_a_day_but_is_none_is_in_no_range(database):
    junk = ["2026-08-01x", "x2026-08-01", "2026-8-1", "2026-08-01T00:00:00", 20260801, ["2026-08-01"], None, True]
    with transaction() as session:
        settle(session)
        ids = move_in(session, [Person(fields={"joined": value}) for value in [*junk, "2026-08-01"]])
        asked = parse({"field": "joined", "between": ["2000-01-01", "2030-01-01"]})
        assert list(session.scalars(compiled(asked, FIELDS, NOW))) == [ids[-1]]
