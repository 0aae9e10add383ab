"""Generated people and generated definitions, over values small enough that they often meet."""

from datetime import date, timedelta
from functools import partial

from hypothesis import strategies as st

from tests.segments.world import NOW, Person

TEXTS = [
    "",
    "a",
    "student",
    "100%",
    "100ab",
    "a_c",
    "abc",
    "back\\slash",
    "' OR 1=1--",
    "Ö",
    "ö",
    "/%",
    "2026-08-01x",
    "2026-8-1",
]
DAYS = [date(2025, 1, 1), date(2026, 8, 1), date(2026, 11, 19), date(2026, 11, 20)]
MOMENTS = [NOW - timedelta(days=days, hours=hours) for days in (0, 1, 29, 30, 31, 400) for hours in (0, 1, 13)]
NUMBERS = [-1, 0, 1, 29, 30, 31, 0.1, 30.5, 2**53]

texts, days, moments = st.sampled_from(TEXTS), st.sampled_from(DAYS), st.sampled_from(MOMENTS)
iso_days = days.map(date.isoformat)
# What a field really holds may be of another type than its definition says: it was changed later.
stored = st.one_of(texts, st.sampled_from(NUMBERS), st.booleans(), iso_days, st.none(), st.just([30]))
emails = st.sampled_from(["a@x.example", "B@X.example", "ab@y.example"])


def people() -> st.SearchStrategy[Person]:
    return st.builds(
        Person,
        first_name=st.none() | texts,
        country=st.sampled_from([None, "AT", "DE"]),
        created_at=moments,
        emails=st.lists(emails, max_size=2, unique=True).map(tuple),
        fields=st.dictionaries(st.sampled_from(["age", "balance", "job", "plan", "housing_loan", "joined"]), stored),
        consents=st.lists(_consent(), max_size=2, unique_by=lambda row: row["purpose"]),
        purchases=st.lists(_purchase(), max_size=4),
        events=st.lists(_event(), max_size=4),
        exposures=st.lists(_exposure(), max_size=3, unique_by=lambda row: (row["purpose"], row["day"])),
    )


def _consent() -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {
            "purpose": st.sampled_from(["newsletter", "offers"]),
            "basis": st.just("double_opt_in"),
            "requested_at": moments,
            "confirmed_at": st.none() | moments,
            "withdrawn_at": st.none() | moments,
        }
    )


def _purchase() -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {
            "ordered_at": moments,
            "category": st.sampled_from([None, "savings", "loan"]),
            "amount": st.sampled_from([0, 10, 20.5]),
            "currency": st.sampled_from(["EUR", "CHF"]),
        }
    )


def _event() -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["open", "click"]),
            "at": moments,
            "run_id": st.sampled_from([1, 2]),
            "message_id": st.sampled_from([1, 2]),
            "link_id": st.sampled_from([None, 1, 2]),
            "verdict": st.sampled_from([None, "human", "machine"]),
        }
    )


def _exposure() -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {
            "purpose": st.sampled_from(["newsletter", "offers"]),
            "basis": st.sampled_from(["consent", "existing_customer"]),
            "day": days,
            "messages": st.integers(0, 2),
            "last_at": moments,
        }
    )


def _written(name, word, value):
    return ({"field": name} if name else {}) | {word: value}


def _field(name: str, **operators: st.SearchStrategy) -> st.SearchStrategy[dict]:
    empty = {"is_empty": st.booleans(), "is_not_empty": st.booleans()}
    return st.one_of(*(value.map(partial(_written, name, word)) for word, value in (empty | operators).items()))


def _equal(value: st.SearchStrategy) -> dict[str, st.SearchStrategy]:
    several = st.lists(value, min_size=1, max_size=3)
    return {"is": value, "is_not": value, "in": several, "not_in": several}


def _like(value: st.SearchStrategy) -> dict[str, st.SearchStrategy]:
    text = value.filter(bool)
    return {"contains": text, "starts_with": text, "ends_with": text}


def _order(value: st.SearchStrategy) -> dict[str, st.SearchStrategy]:
    pair = st.tuples(value, value).map(sorted)
    return {"gt": value, "gte": value, "lt": value, "lte": value, "between": pair}


def _calendar() -> dict[str, st.SearchStrategy]:
    return (
        _equal(iso_days)
        | _order(iso_days)
        | {
            "before": iso_days,
            "after": iso_days,
            "within_last": st.sampled_from([1, 29, 30, 400]),
        }
    )


whole = st.sampled_from([number for number in NUMBERS if isinstance(number, int)])
fields = st.one_of(
    _field("age", **_equal(whole), **_order(whole)),
    _field("balance", **_equal(st.sampled_from(NUMBERS)), **_order(st.sampled_from(NUMBERS))),
    _field("job", **_equal(texts), **_like(texts)),
    _field("first_name", **_equal(texts), **_like(texts)),
    _field("plan", **_equal(st.sampled_from(["basic", "plus"]))),
    _field("housing_loan", **{"is": st.booleans(), "is_not": st.booleans()}),
    _field("joined", **_calendar()),
    _field("created_at", **_calendar()),
    _field("email", **_equal(emails), **_like(st.sampled_from(["A@x", "X.example", "ab"]))),
    _field("country", **_equal(st.sampled_from(["AT", "DE"]))),
    _field("kind", **_equal(st.sampled_from(["b2c", "b2b"]))),
)


def _some(required: dict | None = None, **optional: st.SearchStrategy) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(required or {}, optional=optional)


def _compared(value: st.SearchStrategy, **more: st.SearchStrategy) -> st.SearchStrategy[dict]:
    words = _order(value) | {"is": value, "in": st.lists(value, min_size=1, max_size=2)} | more
    return st.one_of(*(given.map(partial(_written, None, word)) for word, given in words.items()))


windows = st.sampled_from([1, 29, 30, 400])
leaves = st.one_of(
    fields,
    fields,
    _some(
        {"state": st.sampled_from(["confirmed", "unconfirmed", "withdrawn"])},
        purpose=st.sampled_from(["newsletter", "offers"]),
        since=iso_days,
    ).map(lambda facts: {"consent": facts}),
    _some(
        {"state": st.just("confirmed")},
        purpose=st.sampled_from(["newsletter", "offers"]),
        unused_at_least=st.sampled_from([1, 29, 30]),
        unused_at_most=st.sampled_from([30, 31, 400]),
    ).map(lambda facts: {"consent": facts}),
    st.just({"consent": {"state": "none"}}),
    _some(
        count=_compared(st.integers(0, 3)),
        sum=_compared(st.sampled_from([0, 10, 20.5, 41.0])),
        last=_compared(iso_days, within_last=windows, before=iso_days, after=iso_days),
        category=st.sampled_from(["savings", ["savings", "loan"]]),
        currency=st.just("CHF"),
        within_days=windows,
    ).map(lambda facts: {"purchases": facts}),
    _some(
        {"within_days": windows}, at_least=st.integers(1, 2), run=st.sampled_from([1, 2]), human_only=st.booleans()
    ).map(lambda facts: {"opened": facts}),
    _some(
        {"within_days": windows},
        at_least=st.integers(1, 2),
        human_only=st.booleans(),
        link=st.sampled_from(["100%_off", "shop", "_off"]),
    ).map(lambda facts: {"clicked": facts}),
    _some({"within_days": windows}, purpose=st.just("offers"), at_least=st.integers(1, 3)).map(
        lambda facts: {"received": facts}
    ),
)
definitions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda members: {"all": members}),
        st.lists(inner, min_size=1, max_size=3).map(lambda members: {"any": members}),
        inner.map(lambda member: {"not": member}),
    ),
    max_leaves=6,
)
