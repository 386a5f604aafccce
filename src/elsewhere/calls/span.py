"""A span: what one settled call did, where and when; and the message that tells of those of calls inside calls."""

from elsewhere.calls.verdict import Verdict
from elsewhere.calls.wire import Record


class Span(Record, frozen=True):
    """One settled call as its worker saw it. Times are seconds on the machine's monotonic clock.

    ``function`` is a qualified name, ``worker`` the worker's number, ``started`` when its last attempt
    began, ``elapsed`` how many seconds that took, ``items`` how many items of a map it held (1 for a
    submitted call). ``call`` is its number. It was ``asked`` for when the client submitted it, and
    ``ready`` once the last of its ``inputs`` (the numbers of the calls that made them) had its value:
    before ``asked`` if all were there already, and None if it has no futures among its arguments.
    ``argument_bytes`` is what its arguments took without its inputs, ``result_bytes`` what came out.
    ``sent_bytes`` is what was sent with it: arguments, inputs and result, but for those that lie in
    shared memory, which are the ``mapped_bytes``.

    A call that was made inside another one has as its ``parent`` the number of the call that its worker had
    been given, inside which all this happened. If it never left that worker, its own number is 0.
    """

    function: str
    worker: int
    started: float
    elapsed: float
    items: int
    verdict: Verdict
    call: int = 0
    asked: float = 0.0
    ready: float | None = None
    inputs: tuple[int, ...] = ()
    argument_bytes: int = 0
    result_bytes: int = 0
    sent_bytes: int = 0
    mapped_bytes: int = 0
    parent: int = 0

    @property
    def ok(self) -> bool:
        """Whether it returned a value."""
        return self.verdict is Verdict.VALUE

    @property
    def ended(self) -> float:
        """When its last attempt ended."""
        return self.started + self.elapsed


class Ran(Record, frozen=True, tag=54):
    """These calls were made inside calls of this worker, and have come out."""

    spans: list[Span]
