"""What all routes of the API share: who asks, how often, how much, and how a body is read."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from flask import Response, request
from flask_limiter.util import get_remote_address
from pydantic import BaseModel, ValidationError

from app.api.tokens import Caller, NotKnown, Scope, caller
from app.limits import limiter
from core.cli import dump
from core.db import transaction
from core.errors import WrongInput
from core.sentences import say

RATE, WRONG_TOKENS = "120 per minute", "20 per minute"
LARGEST = 512 * 1024

Body = TypeVar("Body", bound=BaseModel)


def needs_token(scope: Scope) -> Callable[[Callable[[Caller], Response]], Callable[[], Response]]:
    """Let only systems in whose token has this scope. No cookie counts here, so no form token is asked for."""

    def wrap(view: Callable[[Caller], Response]) -> Callable[[], Response]:
        @wraps(view)
        def guarded() -> Response:
            request.max_content_length = LARGEST
            who = _caller(scope)
            with limiter.limit(RATE, key_func=lambda: f"api:{who.name}"):
                return view(who)

        guarded.permission = None  # type: ignore[attr-defined]
        guarded.scope = scope  # type: ignore[attr-defined]
        guarded.without_csrf = True  # type: ignore[attr-defined]
        return guarded

    return wrap


def _caller(scope: Scope) -> Caller:
    try:
        token = _sent()
        with transaction() as session:
            return caller(session, token=token, scope=scope)
    except NotKnown:
        # Who tries tokens is slowed down by the place from where it comes.
        with limiter.limit(WRONG_TOKENS, key_func=lambda: f"api-wrong:{get_remote_address()}"):
            raise


def _sent() -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise NotKnown(
            "token_missing", say("This needs a token."), say("Send it in the header: Authorization: Bearer …")
        )
    return token.strip()


def read_body(model: type[Body]) -> Body:
    """The JSON of the request as `model`; whatever is wrong with it is named by its field."""
    if request.mimetype != "application/json":
        raise WrongInput("not_json", say("The body must be JSON."), say("Send Content-Type: application/json."))
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WrongInput(
            "body_invalid", say("The body cannot be read: %(why)s.", why=first["msg"]), where=where
        ) from error


def told(content: object) -> Response:
    """JSON that nobody on the way keeps."""
    response = Response(dump(content) + "\n", mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def challenge(response: Response) -> Response:
    """Say how to come in, beside a refusal (RFC 6750, section 3)."""
    if response.status_code == NotKnown.status:
        response.headers["WWW-Authenticate"] = 'Bearer realm="crusoe"'
    return response
