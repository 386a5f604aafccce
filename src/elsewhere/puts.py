"""What a client puts where calls find it: values, and large arguments."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from elsewhere.calls.messages import Call, Options, Settlement, Verdict
from elsewhere.calls.values import Put
from elsewhere.codec.references import dumps_own, dumps_with_inputs
from elsewhere.codec.values import dumps, dumps_apart, dumps_parts
from elsewhere.future import Future
from elsewhere.host import GatewayHost

T = TypeVar("T")


class Puts:
    """Puts what takes more than `inline_bytes` into segments, under numbers of calls."""

    def __init__(self, host: GatewayHost, numbers: Iterator[int], inline_bytes: int) -> None:
        self._host = host
        self._numbers = numbers
        self._inline_bytes = inline_bytes

    def put(self, value: T) -> Future[T]:
        """As `Pool.put`."""
        large = self._put_large(dumps_parts(value, "the value"), "the value")
        if large is not None:
            return large
        small: Future[T] = Future(None, "a value that was put", self._host)
        data = dumps(value, "the value")
        small.settle(Settlement(next(self._numbers), Verdict.VALUE, data))
        return small

    def encode_arguments(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[bytes, list[Future[Any]]]:
        """What travels, and the inputs of the call. Large arguments are one of these: a segment takes
        a fraction of the time that a socket does. Raises `NotPicklable`, or `DataLost` as `bring`."""
        (payload, buffers), futures = dumps_with_inputs(args, kwargs, self._host, dumps_apart)
        if buffers or len(payload) > self._inline_bytes:
            parts = [memoryview(payload), *(buffer.raw() for buffer in buffers)]
            large = self._put_large(parts, "the arguments")
            if large is None:
                payload, futures = dumps_with_inputs(args, kwargs, self._host, dumps)
            else:
                large.is_own = True
                futures.append(large)
                payload = dumps_own(len(futures) - 1)
        return payload, self.adopt(futures) if futures else futures

    def adopt(self, futures: Sequence[Future[Any]]) -> list[Future[Any]]:
        """Futures of this pool: of another one's, others with their values, as soon as these are there. What a
        store had travels with each of them, so if it is large it is put."""
        return [
            self._adopt_one(f) if f.is_foreign(self._host) or self._is_carried(f) else f
            for f in futures
        ]

    def _is_carried(self, future: Future[Any]) -> bool:
        """Whether it has a large value with it."""
        if future.put_again is not None and not future.put_again.is_foreign(self._host):
            return True
        if not future.is_settled():
            return False
        outcome = future.outcome()
        return len(outcome.payload) > self._inline_bytes and outcome.verdict is Verdict.VALUE

    def _adopt_one(self, future: Future[T]) -> Future[T]:
        if future.is_settled():
            return self._bring(future)
        number = next(self._numbers)
        adopted: Future[T] = Future(
            Call(number, 0, b"", Options()), "a value of another pool", self._host
        )
        turn = [adopted]
        future.wake_when_settled(lambda _: self._follow(future, turn, number))
        if future.is_settled():  # meanwhile, and perhaps before it was asked to tell of it
            self._follow(future, turn, number)
        return adopted

    def _follow(self, future: Future[T], turn: list[Future[T]], number: int) -> None:
        """Settle the future that is in `turn`, unless another thread has taken it, as `future` was."""
        try:
            adopted = turn.pop()
        except IndexError:
            return
        try:
            if future.is_foreign(self._host):
                parts = dumps_parts(future.result(), "the value of the future")
                self._settle_large(adopted, number, parts, "the value of the future")
            else:
                adopted.settle(future.outcome().told_again(number))
        except Exception as error:  # noqa: BLE001  # it becomes that of the call, whatever it is
            from elsewhere.codec.failures import encode_failure

            adopted.settle(Settlement(number, Verdict.ERROR, encode_failure(error), attempt=1))
        adopted.run_callbacks()

    def _bring(self, future: Future[Any]) -> Future[Any]:
        """The input of a call that was given this: the same value, put here once, if it is large, or lies
        in a segment of another pool, which may be gone before the call needs it. Raises `DataLost`."""
        if future.outcome().verdict is not Verdict.VALUE:
            return future  # it has come out only now
        put_again = future.put_again
        if put_again is None or put_again.is_foreign(self._host):
            carried = [memoryview(future.outcome().payload)]
            large = self._put_large(carried, "the value of the future")
            put_again = future.put_again = large or self.put(future.result())
        return put_again

    def _put_large(self, parts: Sequence[memoryview], name: str) -> Future[Any] | None:
        """A future of an encoded value that is put into a segment; None for one that is small.

        Raises `NotPicklable` where there is no room for it.
        """
        if sum(part.nbytes for part in parts) <= self._inline_bytes:
            return None
        large: Future[Any] = Future(None, "a value that was put", self._host)
        self._settle_large(large, next(self._numbers), parts, name)
        return large

    def _settle_large(
        self, large: Future[Any], number: int, parts: Sequence[memoryview], name: str
    ) -> None:
        place = self._host.holdings.put(parts, name)
        self._host.post(Put(number, place))
        large.settle(Settlement(number, Verdict.VALUE, place=place))
