"""Notes a span of each call of a pool, while that lasts.

Nothing of this is loaded, and no call pays for it, unless the pool was made with ``record=True``.
"""

from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

from elsewhere.calls.messages import Call, Settlement
from elsewhere.calls.span import Ran, Span
from elsewhere.future import Future
from elsewhere.pending import Pending, Relay

SPANS_MAX = 100_000


class Recorder:
    """The spans of one pool, the last `SPANS_MAX` of them."""

    def __init__(self) -> None:
        self.spans: deque[Span] = deque(maxlen=SPANS_MAX)

    def watch(
        self, call: Call, pending: Pending, function: str, inputs: Sequence[Future[Any]]
    ) -> Pending:
        """Who is to be told of the outcome of a call in place of `pending`, and passes it on."""
        noted = Noted(self, call.id)
        if isinstance(pending, Future):
            pending.noted = noted
        # Arguments that are large lie in a segment: an input that is this call's own.
        mapped = sum(future.nbytes for future in inputs if future.is_own)
        given = [self._known(future) for future in inputs if not future.is_own]
        return _Watched(noted, call, pending, function, given, mapped)

    def note(self, message: Ran) -> None:
        """Calls that were made inside calls have come out."""
        self.spans += message.spans

    def _known(self, future: Future[Any]) -> object:
        """What is known of an input; None where it is another pool's and not settled."""
        if future.noted is not None or not future.is_settled():
            return future.noted
        # It was put, or found in a store: then it has no number.
        outcome = future.outcome()
        noted = Noted(self, outcome.call)
        noted.measure(outcome)
        noted.ended = monotonic()
        return noted


class Noted:
    """What a future knows of its call, for the calls that it becomes an input of."""

    __slots__ = ("ended", "mapped", "number", "recorder", "sent")

    def __init__(self, recorder: Recorder, number: int) -> None:
        self.recorder = recorder
        self.number = number
        self.ended = 0.0
        """0 until it is known"""
        self.sent = self.mapped = 0
        """the bytes of its value, by where they are"""

    def measure(self, settlement: Settlement) -> None:
        if settlement.place is None:
            self.sent = settlement.nbytes
        else:
            self.mapped = settlement.nbytes


class _Watched(Relay):
    """Notes a span when its call is settled, and passes the settlement on."""

    __slots__ = (
        "_asked",
        "_function",
        "_inputs",
        "_items",
        "_mapped",
        "_noted",
        "_sent",
    )

    def __init__(
        self,
        noted: Noted,
        call: Call,
        pending: Pending,
        function: str,
        inputs: Sequence[object],
        mapped: int,
    ) -> None:
        super().__init__(pending)
        self._noted = noted
        self._function = function
        self._inputs = inputs
        self._items = call.items
        self._sent = len(call.payload)
        self._mapped = mapped
        self._asked = monotonic()

    def settle(self, settlement: Settlement) -> None:
        noted = self._noted
        noted.measure(settlement)
        if settlement.started:
            noted.ended = settlement.started + settlement.elapsed
            noted.recorder.spans.append(self._span(settlement))
        else:
            noted.ended = monotonic()  # it joined an equal call, whose span says more
        self._inputs = ()  # else each would keep those before it, back to the first
        super().settle(settlement)

    def _span(self, settlement: Settlement) -> Span:
        numbers = []
        ready = None
        sent, mapped = self._sent + self._noted.sent, self._mapped + self._noted.mapped
        for one in self._inputs:
            # What came from another pool had its value when it was given to this call.
            ended = self._asked
            if isinstance(one, Noted) and one.recorder is self._noted.recorder:
                if one.number:
                    numbers.append(one.number)
                sent, mapped = sent + one.sent, mapped + one.mapped
                # Another thread may be about to note the end of an input that has its value.
                ended = one.ended or settlement.started
            ready = max(ready or 0.0, ended)
        return Span(
            self._function,
            settlement.worker,
            settlement.started,
            settlement.elapsed,
            self._items,
            settlement.verdict,
            self._noted.number,
            self._asked,
            ready,
            tuple(numbers),
            self._sent + self._mapped,
            settlement.nbytes,
            sent,
            mapped,
        )
