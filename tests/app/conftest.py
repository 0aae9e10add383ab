"""What tests of pages begin with: the application, and a small company in it."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web import create_app
from core.permissions import Role
from tests import world
from tests.browsing import PASSWORD, form_token


@pytest.fixture
def app(database: str) -> Flask:
    return create_app()


@pytest.fixture
def found(app: Flask) -> world.World:
    return world.make()


@pytest.fixture
def person(app: Flask, found: world.World) -> Callable[[Role], FlaskClient]:
    """Somebody of the company with this role, signed in."""

    def sign_in(role: Role) -> FlaskClient:
        client = app.test_client()
        form = {"email": f"{role}@crew.example", "password": PASSWORD, "csrf_token": form_token(client)}
        assert client.post("/sign-in", data=form).status_code == 302
        return client

    return sign_in
