"""What functions are given, made ahead."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Protocol

from elsewhere.calls.messages import Call, Kind, Options, Settlement, Verdict
from elsewhere.codec.functions import Encoded
from elsewhere.codec.values import dumps
from elsewhere.future import Future, Settler
from elsewhere.pending import Pending


class Sender(Protocol):
    """What this needs of a session."""

    @property
    def settler(self) -> Settler:
        """That of the futures of this pool."""

    def next_call(self) -> int:
        """A number for a call."""

    def send(self, call: Call, pending: Pending, function: str) -> None:
        """Send a call on its way."""


class Warming:
    """Settles a future once so many calls have come out: as the first that has no value, or with None.

    It holds the functions meanwhile, so that no call is of one that is released.
    """

    def __init__(self, future: Future[None], calls: int, functions: Sequence[Encoded]) -> None:
        self._future = future
        self._left = calls
        self._functions = functions
        self._failed: Settlement | None = None
        self._lock = Lock()

    def settle(self, settlement: Settlement) -> None:
        with self._lock:
            self._left -= 1
            if settlement.verdict is not Verdict.VALUE and self._failed is None:
                self._failed = settlement
            last = not self._left
        if last:
            self._functions = ()
            none = Settlement(settlement.call, Verdict.VALUE, dumps(None, "nothing"))
            self._future.settle(self._failed or none)

    def run_callbacks(self) -> None:
        if self._future.is_settled():
            self._future.run_callbacks()


def warm(
    sender: Sender, options: Options, functions: Sequence[Encoded], workers: int
) -> Future[None]:
    """Have what these functions are given made in so many workers. Raises TypeError."""
    for one in functions:
        if not one.resources:
            raise TypeError(
                f"{one.name} cannot be warmed: it is given nothing that workers keep, or nothing that has "
                "an exact name (see `Depends`, and `elsewhere.why` for what has none)"
            )
    names = ", ".join(one.name for one in functions)
    future: Future[Any] = Future(None, f"what {names} is given", sender.settler)
    warming = Warming(future, workers * len(functions), functions)
    for one in functions:
        for _ in range(workers):
            call = Call(sender.next_call(), one.number, b"", options, Kind.WARM, items=workers)
            sender.send(call, warming, one.name)
    return future
