"""Items made ahead by a thread: the same, in order, and no more than asked for."""

import threading

import pytest

from partnerface.parsing.ahead import ahead


def test_items_come_in_order_from_one_other_thread() -> None:
    threads: set[int] = set()

    def numbers():
        for number in range(50):
            threads.add(threading.get_ident())
            yield number

    assert list(ahead(numbers())) == list(range(50))
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert list(ahead([])) == []


def test_it_is_never_further_ahead_than_allowed() -> None:
    made = []

    def numbers():
        for number in range(20):
            made.append(number)
            yield number

    for number in ahead(numbers(), depth=2):
        assert made[-1] <= number + 3


def test_an_error_comes_in_its_place() -> None:
    def broken():
        yield 1
        yield 2
        raise ValueError("the third")

    items = ahead(broken())
    assert (next(items), next(items)) == (1, 2)
    with pytest.raises(ValueError, match="the third"):
        next(items)


def test_who_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    items = ahead(iter(range(1000)))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
