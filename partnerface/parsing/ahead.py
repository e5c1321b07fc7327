"""Work on the next items while the one before is still being used."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], depth: int = 3) -> Iterator[T]:
    """The items of an iterable in their order, made by one thread of its own that is at most `depth` items ahead.

    What comes out does not depend on how the threads take turns. An error in the iterable is raised where its item
    would have come.
    """
    end = object()
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, iterator, end) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, iterator, end))
                yield item  # type: ignore[misc]  # the end is told apart above
        finally:
            for future in waiting:
                future.cancel()
