"""Which values are lost and asked for again, by whom all learn of it that stand for the same value."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

F = TypeVar("F")


class Sought(Generic[F]):
    """Futures of values that were lost, by call, until these are there again. Any thread may come."""

    def __init__(self) -> None:
        self._futures: dict[int, F] = {}
        self._lock = Lock()

    def seek(self, call: int, again: F, share: Callable[[F], F]) -> F:
        """What `share` returns of the future by which this value is sought already, or else of `again`.
        If that is `again`, the value is to be asked for."""
        with self._lock:
            shared = share(self._futures.get(call, again))
            if shared is again:
                self._futures[call] = again
        return shared

    def found(self, call: int) -> F | None:
        """It is there again, or never will be: the future by which it was sought."""
        return self._futures.pop(call, None) if self._futures else None
