"""What the tests of delivery share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from core.settings import settings
from tests.smtp_sink import Behaviour, Sink


@pytest.fixture
def listen(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sink]]:
    """Start a mail server that behaves as told and let all mail go to it."""
    with ExitStack() as running:

        def start(
            behaviour: Behaviour = lambda _verb, _recipient, _count: None,
            *,
            connections: int = 4,
            query: str = "",
            **options: object,
        ) -> Sink:
            made = running.enter_context(Sink(behaviour, **options))  # type: ignore[arg-type]
            monkeypatch.setenv("CRUSOE_SMTP_URL", f"{made.url}?connections={connections}{query}")
            settings.cache_clear()
            return made

        yield start


@pytest.fixture
def sink(listen: Callable[..., Sink]) -> Sink:
    """A mail server that takes everything."""
    return listen()
