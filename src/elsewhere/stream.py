"""One call for each item of an input, a bounded number of them at a time, their values in order."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from time import monotonic
from typing import Any, Generic, Self, TypeVar

from elsewhere.chunks import Bar, advance_safely
from elsewhere.future import Future

T = TypeVar("T")
AHEAD_MAX = 1024
"""How many calls are under way at once."""


class Stream(Iterator[T], Generic[T]):
    """The values of ``submit(item)`` for all `items`, in order; an error surfaces at its position.

    `ahead` bounds how many calls are under way. After `deadline`, a moment of the monotonic clock,
    TimeoutError. When it ends, for whatever reason, calls that have not begun are taken back.
    """

    def __init__(
        self,
        submit: Callable[[tuple[Any, ...]], Future[T]],
        items: Iterator[tuple[Any, ...]],
        *,
        ahead: int = AHEAD_MAX,
        deadline: float | None = None,
        bar: Bar | None = None,
    ) -> None:
        self._submit = submit
        self._items = items
        self._deadline = deadline
        self._bar = bar
        self._futures: deque[Future[T]] = deque()
        try:
            self._send(ahead)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if not self._futures:
            self.close()
            raise StopIteration
        left = None if self._deadline is None else self._deadline - monotonic()
        try:
            value = self._futures[0].result(left)
        except BaseException:
            self._advance(failed=1)
            self.close()
            raise
        self._futures.popleft()
        self._advance()
        self._send(1)
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

    def _send(self, number: int) -> None:
        for item in islice(self._items, number):
            self._futures.append(self._submit(item))

    def _advance(self, failed: int = 0) -> None:
        if self._bar is not None and not advance_safely(self._bar, 1, failed):
            self._bar = None
