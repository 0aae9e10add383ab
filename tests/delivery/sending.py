"""The shortest way from people to a run that can be sent, and what became of it."""

from sqlalchemy import Select, select, text

from contacts.models import Channel, Endpoint, TrackingLevel
from core.db import transaction
from delivery import open_run, plan, report
from delivery.backoff import Backoff
from delivery.smtp import Timeouts
from delivery.worker import Worker
from templates import Compiled
from tests.factories import people, sender

PATIENT = Timeouts(quit=0.2)

WORDS = Compiled(
    locale="en",
    subject="Hello {{ contact.first_name }}",
    html='<p>Hello {{ contact.first_name }}, <a href="{{ url_0 }}">look</a> <a href="{{ unsubscribe_url }}">no</a></p>',
    text="Hello {{ contact.first_name }}, {{ url_0 }} {{ unsubscribe_url }}",
    links=("https://shop.example/autumn",),
    fields=("first_name",),
)


def everyone() -> Select:
    return select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id).where(
        Endpoint.channel == Channel.EMAIL
    )


def names(many: int) -> list[str]:
    return [f"p{number}" for number in range(many)]


def campaign(many: int, *, tracking: TrackingLevel = TrackingLevel.NONE, **of_sender: object) -> int:
    """A run to so many consenting people, planned and ready."""
    with transaction() as session:
        people(session, names(many))
        run_id = open_run(
            session,
            name="autumn",
            sender_id=sender(session, **of_sender).id,
            purpose="newsletter",
            tracking=tracking,
            compiled=WORDS,
        )
    write_down(run_id)
    return run_id


def write_down(run_id: int) -> None:
    done = False
    while not done:
        with transaction() as session:
            done = plan(session, run_id=run_id, audience=everyone()).done


def worker(**values: object) -> Worker:
    return Worker(**{"timeouts": PATIENT, "backoff": Backoff(first=0.05)} | values)


def numbers(run_id: int) -> dict[str, int]:
    """The counts of a run that are not zero."""
    with transaction() as session:
        found = report(session, run_id=run_id)
    assert found["audience"] == sum(count for name, count in found.items() if name != "audience")
    return {name: count for name, count in found.items() if count}


def rows(sql: str, **values: object) -> list:
    with transaction() as session:
        return list(session.execute(text(sql), values).all())
