"""Results to be remembered, and a store's answer waited for."""

import threading
from collections.abc import Sequence

from elsewhere.calls.messages import Verdict
from elsewhere.store import Remember, Store

# Far beyond what any write needs, so that only a hang reaches it.
WAIT_SECONDS_MAX = 60.0
LARGE = bytes(range(256)) * 512


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def row(number: int, payload: bytes = b"payload", function: str = "tests.f") -> Remember:
    return Remember(key(number), function, Verdict.VALUE, payload, 0.25, b"parts")


class Written:
    """What the store says of one batch."""

    def __init__(self, store: Store, rows: Sequence[Remember]) -> None:
        self._event = threading.Event()
        self._said: list[BaseException | None] = []
        store.write(rows, self._done)

    def _done(self, problem: BaseException | None) -> None:
        self._said.append(problem)
        self._event.set()

    def problem(self) -> BaseException | None:
        """What prevented it, None if nothing did."""
        assert self._event.wait(WAIT_SECONDS_MAX), "the store says nothing"
        (said,) = self._said
        return said


def remember(store: Store, *rows: Remember) -> None:
    """Write the rows and wait until the store has them. Raises what prevented it."""
    problem = Written(store, rows).problem()
    if problem is not None:
        raise problem
