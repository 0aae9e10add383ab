"""Having the doctor look at a zone that is written as data, without a network."""

import ipaddress
from collections.abc import Mapping, Sequence

from delivery.doctor import Examination, Subject, examine
from delivery.doctor.answers import ABSENT, Answer, Question, State
from tests.dns_server import BROKEN, SILENT

Zone = Mapping[str, Sequence[str]]


def asking(zone: Zone):
    def ask(questions: set[Question]) -> dict[Question, Answer]:
        return {question: answer(*question) for question in questions}

    def answer(name: str, kind: str) -> Answer:
        records = zone.get(f"{name} {kind}", ())
        if records in (SILENT, BROKEN):
            return Answer(State.NOT_ANSWERED, why="silence")
        return Answer(State.FOUND, tuple(records)) if records else ABSENT

    return ask


def subject(**values) -> Subject:
    """The shop, with addresses as text."""
    ips = tuple(ipaddress.ip_address(one) for one in values.pop("ips", ()))
    return Subject(**{"domain": "shop.example", "return_domain": "shop.example", "ips": ips} | values)


def look(zone: Zone, **values) -> Examination:
    return examine(subject(**values), ask=asking(zone))


def codes(zone: Zone, prefix: str = "", **values) -> set[str]:
    """The codes that begin like this."""
    return {finding.code for finding in look(zone, **values).findings if finding.code.startswith(prefix)}
