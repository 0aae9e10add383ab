"""`/api/v1`: the gate for systems that send by themselves, and for those that keep service cases."""

from dataclasses import asdict

from flask import Blueprint, Response

from app.api.description import description
from app.api.door import challenge, needs_token, read_body, told
from app.api.questions import Asked, Case, ClosedCase, batch, question, spelled
from app.api.tokens import Caller, Scope
from app.numbers.exposition import TYPE, exposition
from app.numbers.reading import read_numbers
from contacts import email_address
from core.db import transaction
from core.web import public
from suppression import ask, close_case, open_case, reserve

routes = Blueprint("api", "app.api", url_prefix="/api/v1")
routes.after_request(challenge)


@routes.get("/openapi.json")
@public
def describe() -> Response:
    """What there is to call, as OpenAPI 3.1."""
    return told(description())


@routes.post("/decisions")
@needs_token(Scope.DECISIONS_READ)
def decisions(_who: Caller) -> Response:
    """What the gate would say about these addresses now. Nothing is stored."""
    asked = read_body(Asked)
    read = batch(asked.addresses, channel=asked.channel)
    with transaction() as session:
        return told(spelled(read, ask(session, people=read.people, question=question(session, asked))))


@routes.post("/reservations")
@needs_token(Scope.RESERVATIONS_WRITE)
def reservations(who: Caller) -> Response:
    """Decide about one message to each address, keep the evidence, and give a permit to whom it lets pass."""
    asked = read_body(Asked)
    read = batch(asked.addresses, channel=asked.channel)
    with transaction() as session:
        found = reserve(session, people=read.people, question=question(session, asked), given_to=f"token:{who.name}")
    return told(spelled(read, found))


@routes.get("/metrics")
@needs_token(Scope.NUMBERS_READ)
def metrics(_who: Caller) -> Response:
    """The numbers of the engine, as monitoring systems read them."""
    with transaction() as session:
        return Response(exposition(read_numbers(session)), content_type=TYPE)


@routes.post("/cases")
@needs_token(Scope.CASES_WRITE)
def begin_case(who: Caller) -> Response:
    """Hold advertising to these people while the case is open. One wrong address refuses the whole case."""
    case = read_body(Case)
    emails = [email_address(text) for text in case.addresses]
    with transaction() as session:
        return told(asdict(open_case(session, case=case.case, system=who.name, emails=emails, by=f"token:{who.name}")))


@routes.post("/cases/close")
@needs_token(Scope.CASES_WRITE)
def end_case(who: Caller) -> Response:
    """The case is settled. Only the system that opened it can say so."""
    case = read_body(ClosedCase)
    with transaction() as session:
        return told(asdict(close_case(session, case=case.case, system=who.name, by=f"token:{who.name}")))
