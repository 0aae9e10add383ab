"""Whoever starts the processes without the supervisor starts them as it does."""

import re

import pytest
import yaml

from app.supervisor.programs import WEB_THREADS
from core.tasks import QUEUES
from tests.guards.source import ROOT

PLACES = ["compose.yaml", "operations.md"]


def composed() -> dict[str, list[str]]:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return {name: service.get("command", []) for name, service in services.items()}


def explained() -> dict[str, list[str]]:
    lines = re.findall(r"^python -m (\S+ [^#\n]+)", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {line.split()[0]: line.split() for line in lines}


@pytest.mark.parametrize("command", [composed()["web"], explained()["granian"]], ids=PLACES)
def test_the_web_server_has_threads_for_a_storm_of_objections(command):
    assert command[command.index("--blocking-threads") + 1] == str(WEB_THREADS)


@pytest.mark.parametrize("command", [composed()["worker"], explained()["celery"]], ids=PLACES)
def test_workers_listen_to_every_queue(command):
    assert command[command.index("-Q") + 1] == ",".join(QUEUES)
