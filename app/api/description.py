"""The API as OpenAPI 3.1, made from the same models that read the bodies."""

from typing import Any

from pydantic import BaseModel

from app.api.questions import Asked, Case, ClosedCase
from app.api.tokens import Scope

_ONE = {
    "address": "as it was sent",
    "verdict": "send, hold or block",
    "code": "the reason that stands for all",
    "reasons": "every reason",
    "basis": "the ground, where there is one",
    "evidence": "ids of the consent, purchase, entry or list version",
    "decision": "only of a reservation: the id of the stored decision",
    "permit": "only where a reservation lets pass",
    "valid_until": "the end of the permit: ask again after it",
    "error": "instead of all others where the address is none: code and message",
}
_CASE = {
    "case": "its number",
    "system": "who keeps it",
    "open": "whether it is",
    "people": "how many it newly concerns",
}

_ROUTES: dict[str, tuple[str, type[BaseModel], Scope]] = {
    "/decisions": ("Ask the gate about up to 1,000 addresses; nothing is stored", Asked, Scope.DECISIONS_READ),
    "/reservations": (
        "Decide about one message each, store the evidence, count it, and get permits that end",
        Asked,
        Scope.RESERVATIONS_WRITE,
    ),
    "/cases": ("Hold advertising to people while their case is open", Case, Scope.CASES_WRITE),
    "/cases/close": ("End the hold of a case of the same system", ClosedCase, Scope.CASES_WRITE),
}


_METRICS = {
    "get": {
        "summary": "The numbers of the engine, as monitoring systems read them",
        "security": [{"token": [Scope.NUMBERS_READ.value]}],
        "responses": {"200": {"description": "One line for each number", "content": {"text/plain": {}}}},
    }
}


def description() -> dict[str, Any]:
    """Every route with its body, its scope and what it answers."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Crusoe: may we write to them?", "version": "1"},
        "servers": [{"url": "/api/v1"}],
        "paths": {path: {"post": _route(path, *found)} for path, found in _ROUTES.items()} | {"/metrics": _METRICS},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _route(path: str, words: str, body: type[BaseModel], scope: Scope) -> dict[str, Any]:
    keys = _CASE if path.startswith("/cases") else _ONE
    one = {"type": "object", "properties": {name: {"description": meaning} for name, meaning in keys.items()}}
    return {
        "summary": words,
        "security": [{"token": [scope.value]}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body.model_json_schema()}}},
        "responses": {
            "200": {
                "description": "Done",
                "content": {"application/json": {"schema": one if keys is _CASE else _many(one)}},
            },
            "default": {"description": "A problem (RFC 9457)", "content": {"application/problem+json": {}}},
        },
    }


def _many(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "decided_at": {"type": "string", "format": "date-time"},
            "rules_version": {"type": "integer"},
            "lists": {"type": "object", "description": "list → version asked, or null where there is none"},
            "decisions": {"type": "array", "items": one},
        },
    }
