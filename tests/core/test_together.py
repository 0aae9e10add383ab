"""What many threads want at once is done once, and each gets what belongs to it."""

import threading
from collections.abc import Sequence

import pytest

from core.together import Together


def _all_at_once(together: Together[int, int], wishes: Sequence[int], begun: threading.Event) -> dict[int, object]:
    """The first thread is at work when the others come."""
    found: dict[int, object] = {}

    def call(wish: int) -> None:
        try:
            found[wish] = together(wish)
        except ValueError as fault:
            found[wish] = fault

    threads = [threading.Thread(target=call, args=(wish,)) for wish in wishes]
    threads[0].start()
    begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(5)
    return found


@pytest.mark.parametrize("faulty", [False, True])
def test_those_who_come_meanwhile_are_served_together_and_each_gets_the_own_answer(faulty):
    begun, sets = threading.Event(), []

    def double(wishes: Sequence[int]) -> list[int]:
        sets.append(list(wishes))
        begun.set()
        if len(sets) == 1:
            # Until all the others stand in the queue.
            for _ in range(500):
                if len(together._callers) == 20:
                    break
                threading.Event().wait(0.01)
        elif faulty and len(sets) == 2:
            raise ValueError("no")
        return [wish * 2 for wish in wishes]

    together: Together[int, int] = Together(double)
    found = _all_at_once(together, range(21), begun)
    assert sorted(map(len, sets)) == [1, 20]
    assert found.pop(0) == 0
    if faulty:
        assert {type(fault) for fault in found.values()} == {ValueError}
    else:
        assert found == {wish: wish * 2 for wish in range(1, 21)}
    assert together(7) == 14
