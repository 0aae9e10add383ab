from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app.web import create_app


@pytest.fixture
def client(database: str, broker: str) -> Iterator[FlaskClient]:
    """A browser without cookies."""
    app = create_app()
    app.testing = True
    # Our own handler answers for errors here too, as it does for people.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client(use_cookies=False) as browser:
        yield browser
