"""These tests take minutes and kill processes: they run only when asked for, by `make faults` or `pytest -m fault`.

What they found is said in the end, although all is well, because several of them run side by side.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.seed import SEED

TOLD = "told"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "fault" in (config.option.markexpr or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("fault")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionstart(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and "fault" in (session.config.option.markexpr or ""):
        reporter.write_line(f"seed {SEED} (again: FAULT_SEED={SEED} make faults)")


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Iterator[Callable[[str], None]]:
    """Say something that whoever runs this wants to see, whatever becomes of the test."""
    return lambda text: record_property(TOLD, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        told = [str(text) for name, text in report.user_properties if name == TOLD]
        if report.when == "call" and told:
            terminalreporter.section(report.nodeid.rpartition("::")[2])
            terminalreporter.write_line("\n".join(told))
