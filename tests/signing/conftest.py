"""What the tests of signing share with those of delivery: a mail server that takes everything."""

from tests.delivery.conftest import listen, sink

__all__ = ["listen", "sink"]
