"""Signed-in test clients: what a browser would send, without a browser."""

import re

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from core import users
from core.db import transaction
from core.permissions import Role

PASSWORD = "long enough for a test"  # noqa: S105 - nobody signs in with it outside tests

# Hashing a password takes half a second on a busy machine, on purpose. Tests sign in hundreds of times.
users.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def add_person(role: Role, name: str = "") -> str:
    """Create a user of this role and answer the e-mail address."""
    email = f"{name or role}@crew.example"
    with transaction() as session:
        users.add(session, email=email, role=role, password=PASSWORD)
    return email


def form_token(client: FlaskClient, path: str = "/sign-in") -> str:
    """The token that a page of this client carries."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
    assert found, f"{path} carries no form token"
    return found[1]


def signed_in(app: Flask, role: Role) -> FlaskClient:
    """A client of a new user with this role."""
    email = add_person(role)
    client = app.test_client()
    answer = client.post("/sign-in", data={"email": email, "password": PASSWORD, "csrf_token": form_token(client)})
    assert answer.status_code == 302, answer.text
    return client


def post(client: FlaskClient, path: str, **values: object):
    """POST a form as a page would, token included."""
    return client.post(path, data={"csrf_token": form_token(client, "/profile")} | values)
