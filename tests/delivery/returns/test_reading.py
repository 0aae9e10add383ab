"""A mail that breaks its reader costs that process, and the next one is read."""

import os
import signal

from delivery import Reader, ReturnClass
from delivery.returns.parts import LARGEST
from tests.delivery.returns.test_classify import complaint, dsn


def test_mails_are_read_by_another_process_that_is_kept_and_replaced_when_it_is_lost():
    with Reader() as reader:
        first = reader.read(dsn())
        child = reader._child
        second = reader.read(complaint())
        assert child is not None
        assert reader._child is child
        assert child.pid != os.getpid()
        os.kill(child.pid, signal.SIGKILL)
        # No mail is blamed for what happened before it.
        assert reader.read(dsn()).returned[0].kind is ReturnClass.HARD
    assert first.returned[0].kind is ReturnClass.HARD
    assert first.returned[0].names[0] == "b+1.aaaaaaaaaaaaaaaaaaaa@bounce.shop.example"
    assert second.returned[0].kind is ReturnClass.COMPLAINT
    assert first.fault is None


def test_a_mail_that_takes_too_long_is_unknown_and_the_next_one_is_read():
    with Reader(wait=0.001) as reader:
        slow = reader.read(dsn())
        assert (slow.fault, slow.returned[0].kind) == ("took_too_long", ReturnClass.UNKNOWN)
        reader.wait = 20
        assert reader.read(dsn()).fault is None


def test_a_mail_that_is_too_large_is_not_read():
    with Reader() as reader:
        assert reader.read(b"x" * (LARGEST + 1)).fault == "too_large"
        assert reader._child is None
