"""Waiting for the answer to a cancel: not long, and not at all for a worker that gives none."""

import threading
from collections.abc import Callable, Iterable
from time import monotonic

from elsewhere.poller import Poller

CANCEL_CHECK_SECONDS = 0.05
CANCEL_SECONDS_MAX = 0.5
"""How long a cancel waits for the worker that may have the call."""


class Cancels:
    """Who waits for which call to be kept or settled, and which workers have not answered of late."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._asked: dict[int, threading.Event] = {}
        self._silent: set[int] = set()

    def note_kept(self, calls: Iterable[int]) -> None:
        """These calls run, and so are not taken back."""
        for call in calls:
            if call in self._asked:
                self._asked[call].set()

    def note_heard(self, worker: int) -> None:
        """The worker has said something, or is gone."""
        self._silent.discard(worker)

    def wait(self, call: int, settled: Callable[[], bool], ask: Callable[[], int]) -> None:
        """``ask()`` to take a call back, which gives the worker that may have it; wait for the answer."""
        answered = self._asked.setdefault(call, threading.Event())

        def over() -> bool:
            return settled() or answered.is_set()

        try:
            worker = ask()
            until = monotonic() + (0.0 if worker in self._silent else CANCEL_SECONDS_MAX)
            while not over() and not self._poller.ended:
                left = until - monotonic()
                if left <= 0:
                    self._silent.add(worker)
                    return
                if not self._poller.serve_until(over, left):
                    answered.wait(min(CANCEL_CHECK_SECONDS, left))
        finally:
            self._asked.pop(call, None)
