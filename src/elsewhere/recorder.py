"""Notes for the timeline what became of a call."""

from collections import deque

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.calls.span import Span
from elsewhere.pending import Pending


class Recorder:
    """Notes a span when its call is settled, and passes the settlement on."""

    __slots__ = ("_function", "_items", "_pending", "_spans")

    def __init__(self, pending: Pending, spans: deque[Span], function: str, items: int) -> None:
        self._pending = pending
        self._spans = spans
        self._function = function
        self._items = items

    def settle(self, settlement: Settlement) -> None:
        if settlement.started:
            ok = settlement.verdict is Verdict.VALUE
            self._spans.append(
                Span(
                    self._function,
                    settlement.worker,
                    settlement.started,
                    settlement.elapsed,
                    self._items,
                    ok,
                )
            )
        self._pending.settle(settlement)

    def run_callbacks(self) -> None:
        self._pending.run_callbacks()
