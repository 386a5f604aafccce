"""What calls inside calls put where every process of the node finds it: large results and arguments.

A child that runs in the worker in which it was made has a value of which the gateway knows nothing. So
a large one is written to a segment at once and told as if it was put: whoever is given it maps it,
here or elsewhere, and no copy is made for each.
"""

from collections.abc import Iterator
from typing import Any

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.calls.values import Place, Put
from elsewhere.codec.references import dumps_own, dumps_with_inputs
from elsewhere.codec.values import dumps, dumps_apart
from elsewhere.future import Future, Settler
from elsewhere.worker.post import Post
from elsewhere.worker.values import Values, in_outcome


class InnerPuts:
    """`settler` is that of the futures; `numbers` are those of the calls that this worker makes."""

    def __init__(
        self, settler: Settler, values: Values, post: Post, numbers: Iterator[int], worker: int
    ) -> None:
        self._settler = settler
        self._values = values
        self._post = post
        self._numbers = numbers
        self._worker = worker

    def encode_arguments(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[bytes, list[Future[Any]]]:
        """What waits or travels, and the inputs of the call, one of which stands for large arguments.
        Raises `NotPicklable`."""
        (payload, buffers), futures = dumps_with_inputs(args, kwargs, self._settler, dumps_apart)
        limit = self._values.travels_max
        if not (futures or buffers) and len(payload) <= limit:
            return payload, futures
        if futures:
            # What lies in the segments of a pool that was made in here may be gone before it is needed.
            futures = [self._own(f) if f.is_foreign(self._settler) else f for f in futures]
        if not buffers and len(payload) <= limit:
            return payload, futures
        parts = [memoryview(payload), *(buffer.raw() for buffer in buffers)]
        if sum(part.nbytes for part in parts) <= limit:
            payload, _ = dumps_with_inputs(args, kwargs, self._settler, dumps)
            return payload, futures
        large: Future[Any] = Future(None, "a value that was put", self._settler)
        large.settle(self._put(self._values.write(parts, "the arguments")))
        large.is_own = True
        return dumps_own(len(futures)), [*futures, large]

    def _own(self, future: Future[Any]) -> Future[Any]:
        """A future of the same value, which this worker puts. Raises what the value was lost by."""
        mine: Future[Any] = Future(None, future._function, self._settler)
        mine.settle(self.settlement_of(future.result()))
        return mine

    def settlement_of(self, value: Any) -> Settlement:
        """How a child comes out that ran here. Raises `NotPicklable`."""
        payload, place = in_outcome(self._values.encode(value))
        if place is None:
            return Settlement(0, Verdict.VALUE, payload, self._worker, 1)
        return self._put(place)

    def _put(self, place: Place) -> Settlement:
        number = next(self._numbers)
        # Before anything that names it, and before it can be dropped.
        self._post.outgoing.append(Put(number, place))
        self._values.told(place)
        return Settlement(number, Verdict.VALUE, b"", self._worker, 1, place=place)
