"""One call for each item of an input, a bounded number of them at a time, their values in order.

Items are read and submitted in batches, because a store is asked for many results in less time than
for one after another. Batches begin with one item, and grow while reading the input takes no time to
speak of: where it is slow, no item that was read waits for the next one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from time import monotonic
from typing import Any, Generic, Self, TypeVar

from elsewhere.chunks import Bar, advance_safely
from elsewhere.finished import Hit
from elsewhere.future import Future

T = TypeVar("T")
AHEAD_MAX = 1024
"""How many calls are under way at once."""
BATCH_MAX = 64
BATCHES_AHEAD = 16
"""No batch is more than this part of the calls that may be under way."""
READ_SECONDS = 0.001
"""An input that takes longer for a batch is read item by item."""


class Stream(Iterator[T], Generic[T]):
    """The values of ``submit(items)`` for all `items`, in order; an error surfaces at its position.

    `submit` gets one item at a time unless `batched`, and submits while its result is iterated over.
    `ahead` bounds how many calls are under way. After `deadline`, a moment of the monotonic clock,
    TimeoutError. When it ends, for whatever reason, calls that have not begun are taken back.
    """

    def __init__(
        self,
        submit: Callable[[list[tuple[Any, ...]]], Iterable[Future[T] | Hit[T]]],
        items: Iterator[tuple[Any, ...]],
        *,
        batched: bool,
        ahead: int = AHEAD_MAX,
        deadline: float | None = None,
        bar: Bar | None = None,
    ) -> None:
        self._submit = submit
        self._items = items
        self._deadline = deadline
        self._bar = bar
        self._ahead = ahead
        self._batch = 1
        self._batch_max = max(1, min(BATCH_MAX, ahead // BATCHES_AHEAD)) if batched else 1
        self._problem: Exception | None = None
        """why no more is read, once all before it is"""
        self._futures: deque[Future[T] | Hit[T]] = deque()
        try:
            self._fill()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if not self._futures:
            problem, self._problem = self._problem, None
            self.close()
            raise StopIteration if problem is None else problem
        left = None if self._deadline is None else self._deadline - monotonic()
        try:
            value = self._futures[0].result(left)
        except BaseException:
            self._advance(failed=1)
            self.close()
            raise
        self._futures.popleft()
        self._advance()
        if len(self._futures) + self._batch <= self._ahead:
            self._fill()
        return value

    def close(self) -> None:
        """Read no more, and take back what has not begun. Idempotent."""
        self._items = iter(())
        while self._futures:
            self._futures.pop().cancel()
        if self._bar is not None:
            self._bar.close()

    def __del__(self) -> None:
        if "_futures" in self.__dict__ and self._futures:
            self.close()

    def _fill(self) -> None:
        """Read batches and submit them, as far as there is room."""
        futures = self._futures
        while (room := self._ahead - len(futures)) > 0:
            items = self._read(min(self._batch, room))
            if not items:
                return
            try:
                futures.extend(self._submit(items))
            except Exception as error:  # noqa: BLE001  # it is raised where the pool ended
                self._stop(error)

    def _read(self, number: int) -> list[tuple[Any, ...]]:
        items: list[tuple[Any, ...]] = []
        begun = monotonic()
        try:
            items.extend(islice(self._items, number))
        except Exception as error:  # noqa: BLE001  # it is raised where the input ended
            self._stop(error)
        quick = monotonic() - begun < READ_SECONDS
        self._batch = min(2 * self._batch, self._batch_max) if quick else 1
        return items

    def _stop(self, problem: Exception) -> None:
        self._items = iter(())
        # If the input fails, and then the pool in what was read before, that comes first.
        self._problem = problem

    def _advance(self, failed: int = 0) -> None:
        if self._bar is not None and not advance_safely(self._bar, 1, failed):
            self._bar = None
