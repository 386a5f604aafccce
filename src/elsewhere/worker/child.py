"""A child: a call that was made inside another one, and the future of it.

A child that is given futures waits for the first of its inputs that is not settled, and nothing runs
for it meanwhile: it has no fiber and no place on the stack, but is *set aside*, and returns to the
stack when that input is settled. So a chain of any length needs no more than its futures.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future as BaseFuture
from functools import partial
from threading import Thread
from time import monotonic
from typing import Any, Protocol

from elsewhere.calls.messages import Input, Options, Settlement, Verdict
from elsewhere.calls.wire import replace
from elsewhere.codec.functions import Encoded
from elsewhere.codec.labels import describe, full_name
from elsewhere.codec.references import Source, note_not_begun, supplied
from elsewhere.codec.values import loads
from elsewhere.errors import DataLost, NotPicklable
from elsewhere.future import Future, Settler
from elsewhere.plans.injected import injected
from elsewhere.worker.control import Root

PLAIN = Options()
_PAYLOAD = "the arguments"


class Keeper(Settler, Protocol):
    """What a child needs of the pool of its worker."""

    worker: int

    @property
    def note(self) -> "Callable[[Child, Settlement], None] | None":
        """What is told how each child has come out, if somebody wants to know."""

    @property
    def in_coroutine(self) -> bool:
        """Whether a coroutine of this worker's own loop is what runs now."""

    def finish(self, value: Any) -> Any:
        """The value of a call; of an `async def` function, once its coroutine has ended."""

    def settlement_of(self, value: Any) -> Settlement:
        """How a child comes out that ran here. Raises `NotPicklable`."""

    def put_first(self, child: "Child") -> None:
        """It is what this worker runs next."""

    def submit(self, child: "Child") -> bool:
        """Make it the gateway's; False if somebody else has it, or if it was set aside."""

    def take_back(self, child: "Child") -> None:
        """Ask the gateway to cancel it, and give that a moment to do so."""


class Child(Future[Any]):
    """The future of a child, and the child itself until somebody has begun it."""

    # Of the class until they change: most children are given no futures.
    inputs: Sequence[Future[Any]] = ()
    """the futures among its arguments, each either settled or of a child"""
    options = PLAIN
    """what is asked of it; if that is anything, it runs where the gateway says"""
    encoded: Encoded | None = None
    number = 0
    """under which it was submitted; 0 while only this worker knows it"""
    brought = False
    """its outcome has come by the link"""
    aside: Future[Any] | None = None
    """the input that it is set aside for"""
    asked = 0.0
    """when it was made, if that is noted"""
    argument_bytes = 0
    _settled_inputs = 0
    """how many of the first inputs are known to be settled"""
    _given: Sequence[Source] = ()
    """the values of its inputs, while it runs"""

    def __init__(
        self, function: Callable[..., Any], payload: bytes, root: Root, pool: Keeper
    ) -> None:
        super().__init__(None, "", pool)
        self.callee = function
        self.root = root
        self._pool = pool
        self.__dict__[_PAYLOAD] = payload

    # ------------------------------------------------------------ who runs it, and when

    def take(self) -> bytes | None:
        """Its arguments, for who comes first. A `dict.pop`, because two threads may come at once."""
        payload: bytes | None = self.__dict__.pop(_PAYLOAD, None)
        return payload

    @property
    def waits_here(self) -> bool:
        """Whether nobody has begun or taken it."""
        return _PAYLOAD in self.__dict__

    def begin(self) -> bytes | None:
        """As `claim`; if it lacks an input, that comes first, and this one after it."""
        if not self.inputs:
            return self.take()
        lacking = self.lacking()
        if lacking is None:
            return self.claim()
        if self.aside is not lacking:
            self.set_aside(lacking)
            if isinstance(lacking, Child) and lacking.waits_here and lacking.aside is None:
                self._pool.put_first(lacking)
        return None

    def lacking(self) -> Future[Any] | None:
        """The first of its inputs that is not settled."""
        inputs, place = self.inputs, self._settled_inputs
        while place < len(inputs) and inputs[place].is_settled():
            place += 1
        self._settled_inputs = place
        return inputs[place] if place < len(inputs) else None

    def set_aside(self, lacking: Future[Any]) -> None:
        """Let it return to the stack once this input is settled. From either thread."""
        if self.aside is not lacking:
            self.aside = lacking
            lacking.wake_when_settled(self._return)
            if lacking.is_settled():
                self._return()

    def _return(self, _: object = None) -> None:
        if self.aside is not None:  # else it has returned already
            self.aside = None
            if self.waits_here:
                self._pool.put_first(self)

    def claim(self) -> bytes | None:
        """Once no input is lacking: its arguments, for who comes first and may run it here.

        One that is the gateway's to place is submitted, and one with a failed input fails.
        """
        try:
            if self.options is not PLAIN:
                self._pool.submit(self)
                return None
            payload = self.take()
            if payload is None:
                return None
            settlements = [future.outcome() for future in self.inputs]
            for settlement in settlements:
                if settlement.verdict is not Verdict.VALUE:
                    self.end(settlement.told_again(0, full_name(self.callee)))
                    return None
            given: list[Source] = []
            for future in self.inputs:
                source = future.source()
                if isinstance(source, Future):  # it was lost, and is made again
                    self.__dict__[_PAYLOAD] = payload
                    self.set_aside(source)
                    return None
                given.append(source)
        except (NotPicklable, DataLost) as error:
            self.end(self._failed(error, ""))
            return None
        self._given = given
        return payload

    def inputs_elsewhere(self) -> tuple[Input, ...] | None:
        """Its inputs as the gateway can take them; None if it had to be set aside for one that only
        this worker knows. From either thread. Raises `NotPicklable`."""
        found = []
        for position, future in enumerate(self.inputs):
            if not future.is_settled() and isinstance(future, Child) and not future.number:
                self.set_aside(future)
                return None
            found.append(future.as_input(position))
        return tuple(found)

    def as_input(self, position: int) -> Input:
        """Itself as the input of a child that is submitted, as it was before."""
        return super().as_input(position) if self.is_settled() else Input(self.number)

    # ------------------------------------------------------------ how it comes out

    def run(self, payload: bytes) -> None:
        """Run it here and settle it."""
        function = self.callee
        started = 0.0 if self._pool.note is None else monotonic()
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        try:
            try:
                args, kwargs = self._load(payload) if self.inputs else loads(payload)
            except Exception as error:
                note_not_begun(error)
                raise
            value = self._pool.finish(injected(function)(*args, **kwargs))
            settlement = self._pool.settlement_of(value)
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever waits
            from elsewhere.codec.labels import label_of

            settlement = self._failed(error, label_of(function, args, kwargs))
        if started:
            elapsed = monotonic() - started
            settlement = replace(settlement, started=started, elapsed=elapsed)
        self.end(settlement)

    def _load(self, payload: bytes) -> Any:
        given, self._given = self._given, ()
        with supplied(given):
            return loads(payload)

    def _failed(self, error: BaseException, label: str) -> Settlement:
        from elsewhere.codec.failures import encode_failure

        failure = encode_failure(error, label)
        return Settlement(0, Verdict.ERROR, failure, self._pool.worker, 1)

    def drop(self) -> None:
        """Its root was interrupted: settle it as cancelled."""
        self.end(Settlement(0, Verdict.CANCELLED))

    def end(self, settlement: Settlement) -> None:
        self._function = describe(self.callee)
        self.inputs = ()
        if self._pool.note is not None and settlement.started:
            self._pool.note(self, settlement)
        self.settle(settlement)
        self.run_callbacks()

    # ------------------------------------------------------------ the caller's side

    def __repr__(self) -> str:
        self._function = describe(self.callee)
        return super().__repr__()

    def cancel(self) -> bool:
        """Take the call back, unless it has been begun."""
        if self.take() is not None:
            self.drop()
        elif self.number and not self.is_settled():
            self._pool.take_back(self)
        return super().cancel()

    def add_done_callback(self, fn: Callable[[BaseFuture[Any]], object]) -> None:
        """As the base's. Its outcome may come where nothing may wait; `fn` is then called elsewhere."""
        # What asyncio leaves here only wakes a loop, which may be what a thread of the call waits in.
        if not self.is_settled() and getattr(fn, "__module__", "") != "asyncio.futures":
            fn = partial(self._call_back, fn)
        super().add_done_callback(fn)

    def _call_back(self, fn: Callable[[BaseFuture[Any]], object], _: object) -> None:
        if self.brought:
            # Whoever brings an outcome reads the link meanwhile, and `fn` may wait for what comes by it.
            Thread(target=fn, args=(self,), daemon=True).start()
        else:
            fn(self)

    def __await__(self) -> Generator[Any, None, Any]:
        if self._pool.in_coroutine:
            return (yield from super().__await__())
        # A loop that the call itself runs blocks its thread, and so must not wait for what runs there.
        if not self.is_settled():
            self._pool.wait_for(self, None)
        return self.result()

    def running(self) -> bool:
        """Whether a worker runs it, as far as is known here."""
        return not self.number and not self.waits_here and not self.is_settled()
