"""A pool that runs everything here and in order, in chunks of two, for tests of the demo."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from elsewhere.calls.messages import Verdict
from elsewhere.calls.span import Span
from elsewhere.demo.complexity import Source
from elsewhere.demo.survey import Outcome

CHUNK = 2


class InlinePool:
    """Keeps the last ``spans_max`` spans; each call takes a second of a clock of its own."""

    workers = 2

    def __init__(self, spans_max: int = 1000) -> None:
        self.spans: list[Span] = []
        self.spans_max = spans_max
        self.progress: bool | str | None = None
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed = True

    def map(
        self,
        fn: Callable[[Source], Outcome],
        iterable: Sequence[Source],
        /,
        *,
        progress: bool | str,
    ) -> Iterator[Outcome]:
        self.progress = progress
        for number, start in enumerate(range(0, len(iterable), CHUNK)):
            chunk = iterable[start : start + CHUNK]
            self.spans.append(
                Span(
                    function="analyse",
                    worker=1 + number % self.workers,
                    started=float(number),
                    elapsed=1.0,
                    items=len(chunk),
                    verdict=Verdict.VALUE,
                )
            )
            yield from map(fn, chunk)

    def timeline(self) -> list[Span]:
        return self.spans[-self.spans_max :]
