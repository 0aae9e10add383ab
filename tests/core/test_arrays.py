"""Arrays that we spell ourselves say to the database exactly what they say here."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.db import bigints, texts, transaction

# What a mail server says, and what one could say: everything but NUL, which no text of PostgreSQL can hold.
SAID = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)


def read_back(kind: str, spelled: str) -> list[object]:
    with transaction() as session:
        return session.scalar(text(f"SELECT CAST(:spelled AS {kind}[])"), {"spelled": spelled}) or []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(SAID | st.sampled_from(["", "NULL", "{}", '"', "\\", ",", " a "])), numbers=st.lists(NUMBERS))
def test_arrays_arrive_as_they_left(database, said, numbers):
    assert read_back("text", texts(said)) == said
    assert read_back("bigint", bigints(numbers)) == numbers
