"""Reading ahead of use: pieces of work on threads, given out in order, few of them at a time."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

THREADS = 2
ROWS = 3 << 19  # read ahead, but for a single piece of work: a large row group and a half
_PIECES = 4  # of work, and these
T = TypeVar("T")


class Work(NamedTuple, Generic[T]):
    """Something to read.

    Attributes:
        rows: How much memory it takes.
        parts: What is to be done, each on any thread, begun in order; of what is at hand, nothing.
        result: What there is when all of them are done.
    """

    rows: int
    parts: tuple[Callable[[], None], ...]
    result: Callable[[], T]


def read_ahead(works: Iterable[Work[T]], threads: int = THREADS) -> Iterator[T]:
    """Do work in order: the next piece of it while one is used, and more if they are small."""
    begun: deque[tuple[Work[T], list[Future[None]]]] = deque()

    def next_result() -> T:
        work, futures = begun.popleft()
        for future in futures:
            future.result()
        return work.result()

    with ThreadPoolExecutor(threads, "decode") as pool:
        try:
            for work in works:
                rows = sum(other.rows for other, _ in begun) + work.rows
                while len(begun) > 1 and (len(begun) > _PIECES or rows - begun[0][0].rows > ROWS):
                    rows -= begun[0][0].rows
                    yield next_result()
                begun.append((work, [pool.submit(part) for part in work.parts]))
            while begun:
                yield next_result()
        finally:
            for _, futures in begun:
                for future in futures:
                    future.cancel()
