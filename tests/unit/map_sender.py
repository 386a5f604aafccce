"""A pool for maps, inside the test: its calls run when the test, or a thread that waits, says so."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from elsewhere.calls.messages import Call, Define, Kind, Options, Release, Settlement, Verdict
from elsewhere.chunks import Bar, Chunk, Meter
from elsewhere.codec.functions import Functions
from elsewhere.codec.values import dumps, loads
from elsewhere.future import Future, Nobody, Settler
from elsewhere.intake import Bounds, Intake
from elsewhere.mapping import Mapping
from elsewhere.worker.chunk import ChunkFailed, apply_chunk, encode_chunk_failure, load_chunk


def encode(results: list[Any]) -> bytes:
    return dumps(results, "result")


class WorkerDied(BaseException):
    """Raised by a function that takes its worker down."""


@dataclass
class Sent:
    """A call under way."""

    call: Call
    chunk: Chunk
    attempt: int = 1
    deaths: int = 0


@dataclass
class Sender:
    """`elsewhere.mapping.Sender`, for any number of functions.

    `seconds` is what an item takes; `choose` says which of so many calls under way is run next;
    without `serves` a thread that waits is left waiting.
    """

    seconds: float = 0.001
    choose: Callable[[int], int] = lambda count: 0
    serves: bool = True
    under_way: deque[Sent] = field(default_factory=deque)
    taken_back: list[tuple[list[int], bool]] = field(default_factory=list)
    ended: list[Intake] = field(default_factory=list)
    """maps that will send no more"""
    sizes: list[int] = field(default_factory=list)
    """items of each call that was sent"""
    calls: int = 0
    most_items: int = 0
    """the most items that were under way at once"""
    codes: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.book = Functions(self.tell)

    def tell(self, message: Define | Release) -> None:
        if isinstance(message, Define):
            self.codes[message.function] = message.code

    # ------------------------------------------------------------ what a map asks

    def next_call(self) -> int:
        self.calls += 1
        return self.calls

    def adopt(self, futures: Sequence[Future[Any]]) -> Sequence[Future[Any]]:
        return futures

    @property
    def settler(self) -> Settler:
        return Nobody()

    def send(
        self, call: Call, pending: Chunk, function: str, inputs: Sequence[Future[Any]] = ()
    ) -> None:
        self.sizes.append(call.items)
        self.under_way.append(Sent(call, pending))
        self.most_items = max(self.most_items, self.items())

    def take_back(self, calls: list[int], interrupt: bool) -> None:
        self.taken_back.append((calls, interrupt))
        for sent in [sent for sent in self.under_way if sent.call.id in calls]:
            self.under_way.remove(sent)
            sent.chunk.settle(Settlement(sent.call.id, Verdict.CANCELLED))

    def input_ended(self, intake: Intake) -> None:
        self.ended.append(intake)

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        while self.serves and self.under_way and not done():
            self.run(self.choose(len(self.under_way)))
        return self.serves

    # ------------------------------------------------------------ what the test does

    def items(self) -> int:
        return sum(sent.call.items for sent in self.under_way)

    def run(self, place: int = 0) -> None:
        """Run one of the calls under way and settle it, unless it is to be tried again."""
        sent = self.under_way[place]
        verdict, payload = self._apply(sent.call)
        options = sent.call.options
        if verdict is Verdict.QUARANTINED:
            sent.deaths += 1
            if sent.deaths < options.deaths_max:
                return
        elif verdict is Verdict.ERROR and sent.attempt <= options.retries:
            sent.attempt += 1
            return
        del self.under_way[place]
        elapsed = self.seconds * sent.call.items
        sent.chunk.settle(
            Settlement(sent.call.id, verdict, payload, 1, sent.attempt, sent.deaths, 1.0, elapsed)
        )
        sent.chunk.run_callbacks()

    def _apply(self, call: Call) -> tuple[Verdict, Any]:
        try:
            function = loads(self.codes[call.function])
            given = [one.settlement.payload for one in call.inputs if one.settlement is not None]
            items, refused = load_chunk(call.payload, given)
            return Verdict.VALUE, apply_chunk(function, items, refused, call.kind, encode)
        except ChunkFailed as error:
            if isinstance(error.__cause__, WorkerDied):
                return Verdict.QUARANTINED, b""
            return Verdict.ERROR, error.payload
        except Exception as error:  # noqa: BLE001  # as a worker does
            return Verdict.ERROR, encode_chunk_failure([], error)

    def map(
        self,
        function: Callable[..., Any],
        source: Iterable[Any],
        *,
        kind: Kind = Kind.MAP,
        options: Options | None = None,
        workers: int = 2,
        total: int | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        bar: Bar | None = None,
    ) -> Mapping:
        intake = Intake(
            self,
            self.book.encode(function),
            iter(source),
            kind,
            options or Options(),
            Bounds(workers, total, chunksize, buffersize),
            Meter(bar),
        )
        return Mapping(self, intake)
