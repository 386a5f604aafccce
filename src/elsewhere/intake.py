"""The input of one map: who reads it, how much of it, and how it is cut into chunks and sent.

Chunks are sized so that one takes about `CHUNK_SECONDS` by the measured time of an item, and at most
`CHUNK_BYTES_MAX`; no chunk is more than a fair share of what is left, so that no worker idles at the end
while another holds a big one. Where the length of the input is not known, they take half as long,
`CHUNK_SECONDS_BLIND`, for any may be the last. A bounded number of chunks
is under way: two for each worker, or enough work for `AHEAD_SECONDS`, and no more unread results than
`UNREAD_BYTES_MAX`.

Futures among the items are given as values. While one of them has none yet, or never will, each item
is a chunk by itself: so none waits for what another one needs, and an error stays at its position.

The input is the user's code, and so are the callbacks that may run while a chunk is sent. They may
block, and they may come back here, through the results of the map or the end of its pool. So nobody
ever waits for the turn to read: who does not get it leaves the rest to who has it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from itertools import islice
from threading import get_ident
from typing import Any, NamedTuple, Protocol

from elsewhere.calls.messages import DEATHS_MAX, Call, Input, Kind, Options, Verdict
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.chunks import Chunk, Meter
from elsewhere.codec.functions import Encoded
from elsewhere.codec.references import meeting
from elsewhere.codec.values import dumps, too_large
from elsewhere.errors import DataLost, NotPicklable
from elsewhere.future import Future, Settler

CHUNK_SECONDS = 0.1
CHUNK_SECONDS_BLIND = 0.05
CHUNK_SECONDS_MIN = 0.001
CHUNK_BYTES_MAX = 2**20
CHUNK_ITEMS_MAX = 2**16
AHEAD_SECONDS = 0.1
UNREAD_BYTES_MAX = 2**23
UNREAD_CHUNKS_MAX = 64
"""per worker"""
FOREVER = float("inf")


class Bounds(NamedTuple):
    """What bounds a map: how many workers there are, how many items (None: not known), and how many
    of them the caller wants in a chunk and under way (None: as measured)."""

    workers: int
    total: int | None
    chunksize: int | None
    buffersize: int | None


class Parcel(NamedTuple):
    """Encoded items, how many they are, and the futures among them, which are inputs of the call."""

    payload: bytes
    items: int
    futures: Sequence[Future[Any]] = ()
    inputs: tuple[Input, ...] = ()


class Sender(Protocol):
    """What a map needs of its pool."""

    @property
    def settler(self) -> Settler:
        """That of the futures of its calls."""

    def next_call(self) -> int:
        """A number for a call."""

    def adopt(self, futures: Sequence[Future[Any]]) -> Sequence[Future[Any]]:
        """Futures with the same values that calls of this pool may wait for."""

    def send(
        self, call: Call, pending: Chunk, function: str, inputs: Sequence[Future[Any]] = ()
    ) -> None:
        """Send a call of `function`; `pending` is settled once. `inputs` are the futures of its inputs."""

    def take_back(self, calls: list[int], interrupt: bool) -> None:
        """Cancel calls."""

    def input_ended(self, intake: "Intake") -> None:
        """A map will send no more of its input. May come twice, from any thread."""

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Do the pool's work in this thread until `done` or `timeout`; False if another does it."""


class Intake:
    """Reads `source` and sends chunks of it; `chunks` has them in order."""

    def __init__(
        self,
        sender: Sender,
        function: Encoded,
        source: Iterator[Any],
        kind: Kind,
        options: Options,
        bounds: Bounds,
        meter: Meter,
    ) -> None:
        self._sender = sender
        self.function = function
        self._source = source
        self._kind = kind
        self.options = options
        self._workers = bounds.workers
        self._left = bounds.total
        self._sized = bounds.total is not None
        self._chunksize = bounds.chunksize
        self._buffersize = bounds.buffersize
        self.meter = meter
        self.chunks: deque[Chunk | BaseException] = deque()
        """in order; an exception is one that was met here: by the input, or by encoding an item"""
        self._read = 0
        """items of the input so far"""
        self._exhausted = False
        self.stopped: BaseException | None = None
        """why no more is read although there may be more"""
        self._to_end = False
        self._cancelled = False
        self._interrupt = False
        # Reentrant, but nobody waits for it: a callback may go on where the thread that it runs in
        # is sending a chunk.
        self._turn = threading.RLock()
        self._reader = 0
        """the thread that is in the user's input, 0 if none is"""
        self._sending = False
        self._told = False
        """the pool was told that no more is sent"""

    @property
    def ended(self) -> bool:
        """No more chunks will come. Whoever looks for one looks here first, and then at `chunks`."""
        return self._exhausted or self.stopped is not None

    @property
    def is_mine(self) -> bool:
        """Whether this thread is in the input, further up."""
        return self._reader == get_ident()

    # ------------------------------------------------------------ reading

    def fill(self) -> None:
        """Read input and send it, as far as there is room; nothing if somebody is at it."""
        turn = self._turn
        while not (self._exhausted or self.stopped is not None) and turn.acquire(blocking=False):
            try:
                if self._reader:
                    return
                size = self._next_size()
                if size:
                    self._send_next(size)
            finally:
                turn.release()
            if self._to_end:
                self.meter.bell.ring()  # the results may be read in another thread
            elif not size:
                return
        if not self._told:
            self._tell_end()

    def read_to_end(self) -> None:
        """The pool takes no more calls: send the rest if its length is known, or else cut it off."""
        if self._sized and not self.is_mine:
            self._to_end = True
            self.fill()
        else:
            self._stop(
                RuntimeError(
                    "the pool was shut down before this map had read all of its input: iterate "
                    "inside the with block, or pass a list"
                )
            )

    def cancel(self, *, interrupt: bool = False) -> None:
        """Read no more, and take back what is not settled. Idempotent."""
        self._interrupt = self._interrupt or interrupt
        self._cancelled = True
        self._take_back(tuple(self.chunks))
        self._stop(CancelledError("the map was cancelled before it had read all of its input"))

    def _stop(self, why: BaseException) -> None:
        if not self.ended:
            self.stopped = why
        self.meter.bell.ring()
        self._tell_end()

    def _tell_end(self) -> None:
        # Who sends looks at `ended` after it has said that it sends, and again after it has sent.
        if self.ended and not self._sending:
            self._told = True
            self._sender.input_ended(self)

    def _next_size(self) -> int:
        """How many items to read now: 0 if no more may be under way."""
        if self._to_end:
            return self._size()
        if self._left == 0:
            return 1  # at its end, which nothing but reading shows; a pool may wait for that
        self.meter.sum_up()
        room = self._room()
        return min(room, self._size()) if room > 0 else 0

    def _room(self) -> int:
        """How many more items may be under way."""
        meter, workers = self.meter, self._workers
        if self._buffersize is not None:
            return self._buffersize - meter.unread_items
        if len(self.chunks) <= workers:
            return CHUNK_ITEMS_MAX  # one for each worker and one to come, however large they are
        if len(self.chunks) >= UNREAD_CHUNKS_MAX * workers:
            return 0
        if meter.bytes_to_read() >= UNREAD_BYTES_MAX:
            return 0
        if meter.open_chunks < 2 * workers:
            return CHUNK_ITEMS_MAX
        ahead = meter.open_items * (meter.seconds or FOREVER)
        return CHUNK_ITEMS_MAX if ahead < AHEAD_SECONDS * workers else 0

    def _size(self) -> int:
        """How many items the next chunk should have."""
        if self._chunksize is not None:
            return self._chunksize
        seconds = self.meter.seconds
        if seconds is None or self.options.timeout is not None or self.options.retries:
            return 1
        seconds = max(seconds, 1e-9)
        if self._left is None:
            size = CHUNK_SECONDS_BLIND / seconds
        else:
            fair = max(self._left / (2 * self._workers), CHUNK_SECONDS_MIN / seconds)
            size = min(CHUNK_SECONDS / seconds, fair)
        if self.meter.bytes:
            size = min(size, CHUNK_BYTES_MAX / self.meter.bytes)
        return max(1, min(int(size), CHUNK_ITEMS_MAX))

    def _send_next(self, size: int) -> None:
        items: list[Any] = []
        failure: BaseException | None = None
        self._reader = get_ident()
        try:
            try:
                items.extend(islice(self._source, size))
            except Exception as error:  # noqa: BLE001  # it surfaces at its position; Ctrl-C does at once
                failure = error
            parcels, refused = self._encode(items)
        finally:
            self._reader = 0
        self._read += len(items)
        if self._left is not None:
            # An input may have more than it said.
            self._left = self._left - len(items) if len(items) <= self._left else None
        failure = refused or failure
        for parcel in parcels:
            self._send_new(parcel)
        if failure is not None:
            self.chunks.append(failure)
        if failure is not None or len(items) < size:
            self._exhausted = True

    def _encode(self, items: list[Any]) -> tuple[list[Parcel], NotPicklable | DataLost | None]:
        """What to send of the items, up to the first that cannot be sent; and why that cannot."""
        if not items:
            return [], None
        try:
            whole = self._pack(items, "items")
        except (NotPicklable, DataLost) as error:
            refused = error
        else:
            if len(items) == 1 or all(map(_has_value, whole.inputs)):
                return [whole], None
            return [self._pack([item], "items") for item in items], None
        for position, item in enumerate(items):
            try:
                self._pack([item], f"item {self._read + position}")
            except (NotPicklable, DataLost) as error:
                parcels, earlier = self._encode(items[:position])
                return parcels, earlier or error
        # Each can be sent alone, as where the list is one level too deep.
        return [], refused

    def _pack(self, items: list[Any], name: str) -> Parcel:
        """Raises `NotPicklable` and `DataLost`; `name` is what that calls the items, or the only one of them."""
        with meeting(self._sender.settler) as met:
            payload = dumps(items if name == "items" else items[0], name)
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise too_large(f"a chunk of {len(items)} items", len(payload))
        futures = self._sender.adopt([*met.futures])
        inputs = tuple([future.as_input(n) for n, future in enumerate(futures)])
        return Parcel(payload, len(items), futures, inputs)

    # ------------------------------------------------------------ sending

    def _send_new(self, parcel: Parcel) -> None:
        try:
            self._sending = True
            if self.stopped is None:
                chunk = self._chunk(parcel)
                self.chunks.append(chunk)
                self._send(chunk, parcel.futures)
        finally:
            self._sending = False

    def send_parts(self, parts: list[list[Any]], failure: BaseException | None) -> None:
        """Send the items of the first chunk once more, in parts that take its place, and `failure`
        the place of the items behind them."""
        chunks = [self._chunk(Parcel(dumps(part, "items"), len(part))) for part in parts]
        self.chunks.popleft()
        if failure is not None:
            self.chunks.appendleft(failure)
        self.chunks.extendleft(reversed(chunks))
        for chunk in chunks:
            self._send(chunk)

    def _chunk(self, parcel: Parcel) -> Chunk:
        number = self._sender.next_call()
        lease = self._sender.settler.lease
        return Chunk(number, parcel.payload, parcel.items, self.meter, lease, parcel.inputs)

    def _send(self, chunk: Chunk, futures: Sequence[Future[Any]] = ()) -> None:
        asked = self.options
        deaths_max = DEATHS_MAX if chunk.items == 1 else 1  # one that kills is split, not repeated
        options = Options(
            asked.timeout, asked.retries, asked.interrupt, deaths_max, fork=asked.fork
        )
        self.meter.sent(chunk.items, chunk.size)
        function, items = self.function, chunk.items
        call = Call(
            chunk.call,
            function.number,
            chunk.payload,
            options,
            self._kind,
            items,
            inputs=chunk.inputs,
        )
        self._sender.send(call, chunk, function.name, futures)
        if self._cancelled:  # by another thread, which may not have seen this chunk
            self._take_back((chunk,))

    def _take_back(self, chunks: tuple[Chunk | BaseException, ...]) -> None:
        calls = [one.call for one in chunks if isinstance(one, Chunk) and one.settlement is None]
        if calls:
            self._sender.take_back(calls, self._interrupt)


def _has_value(one: Input) -> bool:
    """Whether what a call waits for is there already."""
    return one.settlement is not None and one.settlement.verdict is Verdict.VALUE
