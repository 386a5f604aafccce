"""One map under way: it reads its input, sends chunks, and yields the results in order.

Chunks are sized so that one takes about `CHUNK_SECONDS` by the measured time of an item, and at most
`CHUNK_BYTES_MAX`; where the length of the input is known, no chunk is more than a fair share of what
is left, so that no worker idles at the end while another holds a big one. A bounded number of chunks
is under way: enough work for `AHEAD_SECONDS` of every worker, and no more unread results than
`UNREAD_BYTES_MAX`.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple, Protocol

from elsewhere.calls.messages import DEATHS_MAX, Call, Kind, Options, Settlement, Verdict
from elsewhere.codec.functions import Encoded
from elsewhere.codec.values import dumps, loads
from elsewhere.errors import NotPicklable
from elsewhere.outcome import open_failure

CHUNK_SECONDS = 0.010
CHUNK_SECONDS_MIN = 0.001
CHUNK_BYTES_MAX = 2**20
CHUNK_ITEMS_MAX = 2**16
AHEAD_SECONDS = 0.050
UNREAD_BYTES_MAX = 2**23
UNREAD_CHUNKS_MAX = 64
"""per worker"""
SPLIT_PARTS = 16
FOREVER = float("inf")


class Bar(Protocol):
    """Whoever shows how far a map has come."""

    def advance(self, items: int, failed: int = 0) -> None:
        """So many more items are done, so many of them failed."""

    def close(self) -> None:
        """The map has ended. Idempotent."""


class Bell:
    """Rings when a chunk is settled. One raw lock, because Ctrl-C can split an Event in two."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1
        with suppress(RuntimeError):  # it rings already
            self._lock.release()

    def wait(self, timeout: float | None) -> None:
        """Wait for a ring, perhaps one that was not waited for at its time."""
        self._lock.acquire(timeout=-1 if timeout is None else timeout)


class Meter:
    """What a map has measured so far, and the bell that says that it has measured more."""

    def __init__(self, bar: Bar | None) -> None:
        self.bell = Bell()
        self.seconds: float | None = None
        """moving average of the seconds of an item"""
        self.bytes = 0.0
        """moving average of the larger of an item's argument and result, encoded"""
        self.bar = bar
        self._lock = threading.Lock()
        self.open_chunks = 0
        """chunks that are not settled"""
        self.open_items = 0
        self.unread_bytes = 0
        """encoded arguments under way and results that were not read yet"""

    def sent(self, items: int, size: int) -> None:
        with self._lock:
            self.open_chunks += 1
            self.open_items += items
            self.unread_bytes += size

    def bytes_to_read(self) -> float:
        """Encoded results that are or will be there to be read, as far as can be foreseen."""
        return self.unread_bytes + self.open_items * self.bytes

    def measure(self, chunk: "Chunk", settlement: Settlement) -> None:
        size = len(settlement.payload)
        with self._lock:
            self.open_chunks -= 1
            self.open_items -= chunk.items
            self.unread_bytes += size - len(chunk.payload)
            if settlement.verdict is Verdict.VALUE:
                seconds = settlement.elapsed / chunk.items
                # The first items of a function pay for its loading: forget them fast.
                known = self.seconds
                self.seconds = seconds if known is None else min(seconds, (known + seconds) / 2)
                self.bytes = max(size, len(chunk.payload)) / chunk.items
        split = settlement.verdict is Verdict.QUARANTINED and chunk.items > 1
        if self.bar is not None and not split and settlement.verdict is not Verdict.CANCELLED:
            self.bar.advance(chunk.items, int(settlement.verdict is not Verdict.VALUE))
        self.bell.ring()


class Chunk:
    """Some items under way, and in the end their settlement."""

    __slots__ = ("call", "items", "meter", "payload", "settlement")

    def __init__(self, call: int, payload: bytes, items: int, meter: Meter) -> None:
        self.call = call
        self.payload = payload
        self.items = items
        self.meter = meter
        self.settlement: Settlement | None = None

    def settle(self, settlement: Settlement) -> None:
        self.meter.measure(self, settlement)
        if settlement.verdict is not Verdict.QUARANTINED:
            self.payload = b""
        self.settlement = settlement
        self.meter.bell.ring()

    def run_callbacks(self) -> None:
        return None


class Bounds(NamedTuple):
    """What bounds a map: how many workers there are, how many items (None: not known), and how many
    of them the caller wants in a chunk and under way (None: as measured)."""

    workers: int
    total: int | None
    chunksize: int | None
    buffersize: int | None


class Sender(Protocol):
    """What a map needs of its pool."""

    def next_call(self) -> int:
        """A number for a call."""

    def send(self, call: Call, pending: Chunk, function: str) -> None:
        """Send a call of `function`; `pending` is settled once."""

    def take_back(self, calls: list[int], interrupt: bool) -> None:
        """Cancel calls."""

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Do the pool's work in this thread until `done` or `timeout`; False if another does it."""


class Mapping:
    """Reads `source`, sends chunks of it, and keeps them in order."""

    def __init__(
        self,
        sender: Sender,
        function: Encoded,
        source: Iterator[Any],
        kind: Kind,
        options: Options,
        bounds: Bounds,
        bar: Bar | None,
    ) -> None:
        self._sender = sender
        self._function = function
        self._source = source
        self._kind = kind
        self._options = options
        self._workers = bounds.workers
        self._left = bounds.total
        self._sized = bounds.total is not None
        self._chunksize = bounds.chunksize
        self._buffersize = bounds.buffersize
        self._meter = Meter(bar)
        self._chunks: deque[Chunk | BaseException] = deque()
        """in order; an exception is one that was met here: by the input, or by encoding an item"""
        self._read = 0
        """items of the input so far"""
        self._open_items = 0
        self._exhausted = False
        self._cut_off = False
        self._lock = threading.Lock()

    # ------------------------------------------------------------ in

    def fill(self) -> None:
        """Read input and send it, as far as there is room."""
        with self._lock:
            while not self._exhausted and (room := self._room()) > 0:
                self._send_next(min(room, self._size()))

    def read_to_end(self) -> None:
        """The pool takes no more calls: send the rest if its length is known, or else cut it off."""
        with self._lock:
            while self._sized and not self._exhausted:
                self._send_next(self._size())
            self._cut_off = not self._exhausted
            self._exhausted = True

    def _room(self) -> int:
        """How many more items may be under way."""
        if self._buffersize is not None:
            return self._buffersize - self._open_items
        meter, workers = self._meter, self._workers
        if len(self._chunks) <= workers:
            return CHUNK_ITEMS_MAX  # one for each worker and one to come, however large they are
        if len(self._chunks) >= UNREAD_CHUNKS_MAX * workers:
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
        seconds = self._meter.seconds
        if seconds is None or self._options.timeout is not None or self._options.retries:
            return 1
        size = CHUNK_SECONDS / max(seconds, 1e-9)
        if self._left is not None:
            fair = self._left / (2 * self._workers)
            size = min(size, max(fair, CHUNK_SECONDS_MIN / max(seconds, 1e-9)))
        if self._meter.bytes:
            size = min(size, CHUNK_BYTES_MAX / self._meter.bytes)
        return max(1, min(int(size), CHUNK_ITEMS_MAX))

    def _send_next(self, size: int) -> None:
        items: list[Any] = []
        try:
            items.extend(islice(self._source, size))
        except Exception as error:  # noqa: BLE001  # it surfaces at its position; Ctrl-C does at once
            # The user's own iterator failed: that surfaces where its item would have been.
            self._exhausted = True
            self._read += len(items)
            self._send(items)
            self._chunks.append(error)
            return
        self._read += len(items)
        if len(items) < size:
            self._exhausted = True
        if self._left is not None:
            self._left = max(0, self._left - len(items))
        self._send(items)

    def _send(self, items: list[Any]) -> None:
        if not items:
            return
        try:
            payload = dumps(items, "items")
        except NotPicklable as refused:
            self._send_up_to_unpicklable(items, refused)
        else:
            self._chunks.append(self._chunk(payload, len(items)))

    def _send_up_to_unpicklable(self, items: list[Any], refused: NotPicklable) -> None:
        self._exhausted = True
        for position, item in enumerate(items):
            try:
                dumps(item, f"item {self._read - len(items) + position}")
            except NotPicklable as error:
                self._send(items[:position])
                self._chunks.append(error)
                return
        self._chunks.append(
            refused
        )  # each can be sent alone, as where the list is one level too deep

    def _chunk(self, payload: bytes, items: int) -> Chunk:
        asked = self._options
        deaths_max = DEATHS_MAX if items == 1 else 1  # a chunk that kills is split, not repeated
        options = Options(asked.timeout, asked.retries, asked.interrupt, deaths_max)
        chunk = Chunk(self._sender.next_call(), payload, items, self._meter)
        self._meter.sent(items, len(payload))
        self._open_items += items
        call = Call(chunk.call, self._function.number, payload, options, self._kind, items)
        self._sender.send(call, chunk, self._function.name)
        return chunk

    # ------------------------------------------------------------ out

    def results(self, deadline: float | None) -> Iterator[Any]:
        """The results in order. Cancels the rest when it ends early, for whatever reason."""
        try:
            while True:
                self.fill()
                if not self._chunks:
                    break
                head = self._chunks[0]
                if isinstance(head, BaseException):
                    raise head
                settlement = self._await(head, deadline)
                if settlement.verdict is Verdict.QUARANTINED and head.items > 1:
                    self._split(head)
                    continue
                self._chunks.popleft()
                values, error = self._open(head, settlement)
                # Whoever reads the results decides how long each of them lives.
                values.reverse()
                while values:
                    yield values.pop()
                if error is not None:
                    raise error
            if self._cut_off:
                raise RuntimeError(
                    "the pool was shut down before this map had read all of its input, whose length "
                    "is not known: iterate inside the with block, or pass a list"
                )
        except KeyboardInterrupt:
            self.cancel(interrupt=True)
            raise
        finally:
            self.cancel()

    def _await(self, chunk: Chunk, deadline: float | None) -> Settlement:
        bell = self._meter.bell
        while chunk.settlement is None:
            heard = bell.rings
            self.fill()
            if chunk.settlement is None:
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                if not self._sender.serve_until(_rung_since(bell, heard), left):
                    bell.wait(left)
        return chunk.settlement

    def _open(self, chunk: Chunk, settlement: Settlement) -> tuple[list[Any], BaseException | None]:
        with self._lock:
            self._open_items -= chunk.items
            self._meter.unread_bytes -= len(settlement.payload)
        chunk.settlement = None
        if settlement.verdict is Verdict.VALUE:
            return loads(settlement.payload), None
        values: list[Any] = []
        if settlement.verdict is Verdict.ERROR:
            values, failure = loads(settlement.payload)
            settlement = Settlement(
                settlement.call, Verdict.ERROR, failure, settlement.worker, settlement.attempt
            )
        return values, open_failure(settlement, self._function.name, self._options.timeout)

    def _split(self, chunk: Chunk) -> None:
        """Some item of the chunk took its worker down: send it again in parts, to find which."""
        with self._lock:
            items = loads(chunk.payload)
            self._chunks.popleft()
            self._open_items -= chunk.items
            size = max(1, len(items) // SPLIT_PARTS) if len(items) > SPLIT_PARTS**2 else 1
            parts = [items[start : start + size] for start in range(0, len(items), size)]
            chunks = [self._chunk(dumps(part, "items"), len(part)) for part in parts]
            self._chunks.extendleft(reversed(chunks))

    def cancel(self, *, interrupt: bool = False) -> None:
        """Read no more, and take back what is not settled. Idempotent."""
        with self._lock:
            self._exhausted = True
            open_calls = [
                chunk.call
                for chunk in self._chunks
                if isinstance(chunk, Chunk) and chunk.settlement is None
            ]
            self._chunks.clear()
        if open_calls:
            self._sender.take_back(open_calls, interrupt)
        if self._meter.bar is not None:
            self._meter.bar.close()

    def __del__(self) -> None:
        # Dropped before its first result was asked for: the generator's own clean-up never ran.
        if hasattr(self, "_lock"):  # not if even its making was interrupted
            self.cancel()


def _rung_since(bell: Bell, heard: int) -> Callable[[], bool]:
    return lambda: bell.rings != heard
