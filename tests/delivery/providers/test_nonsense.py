"""Providers may say anything: an answer has always an outcome, and a signed call is read or refused."""

import copy
import json
from datetime import UTC, datetime
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.providers import ses
from delivery.providers.answers import judged
from delivery.providers.known import PROVIDERS
from delivery.providers.protocol import Account, Answer, Call, Forged
from delivery.smtp import Outcome
from tests.delivery.providers.accounts import CASES
from tests.delivery.providers.calls import CALLERS, Event, fetched

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("550 5.1.1 x"))
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner), max_leaves=6
)
NAMES = st.sampled_from(sorted(PROVIDERS))


def places(value, path=()):
    """Every place in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*path, key))


def changed(document, path, value):
    """The document with something else at this place."""
    if not path:
        return value
    made = copy.deepcopy(document)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=NAMES, status=st.integers(100, 599), value=JSON)
def test_every_answer_has_an_outcome(data, name, status, value):
    said = data.draw(
        st.sampled_from([CASES[name].refused.said, CASES[name].unauthorised.said, CASES[name].accepted.said])
    )
    path = data.draw(st.sampled_from(list(places(said))))
    after = data.draw(st.sampled_from(["", "7", "-1", "1e9", "٣", "Wed, 21 Oct 2015 07:28:00 GMT", "nan"]))
    answer = Answer(status, {"retry-after": after, "date": after}, json.dumps(changed(said, path, value)).encode())
    outcome = PROVIDERS[name].judge(answer) or judged(answer)
    assert isinstance(outcome, Outcome)
    assert len(outcome.text.encode()) <= 1024
    assert "\n" not in outcome.text


@settings(max_examples=250, deadline=None)
@given(
    data=st.data(),
    name=NAMES,
    kind=st.sampled_from(["hard", "soft", "delivered", "complaint", "unsubscribe"]),
    value=JSON,
)
def test_every_signed_call_is_read_or_refused(data, name, kind, value):
    caller = CALLERS[name]
    event = Event(kind, "12.aaaaaaaaaaaaaaaaaaaa@shop.example")
    document = caller.document(event)
    if name == "mailgun":
        path = data.draw(st.sampled_from([path for path in places(document) if path]))
    else:
        path = data.draw(st.sampled_from(list(places(document))))
    headers, body = caller.sign(changed(document, path, value), event, False)
    call = Call({key.lower(): one for key, one in headers.items()}, body, datetime.now(UTC))
    hear = partial(ses.hear, fetch=fetched) if name == "ses" else PROVIDERS[name].hear
    try:
        heard = hear(Account("", caller.settings, hook_secret=caller.hook_secret), call)
    except Forged:
        return
    for told in heard.events:
        assert all(isinstance(one, str) for one in (told.key, told.name, told.recipient, told.reason))
