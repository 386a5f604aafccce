"""A span: what one settled call did, where and when."""

from elsewhere.calls.wire import Record


class Span(Record, frozen=True):
    """One settled call as its worker saw it.

    ``function`` is a qualified name, ``worker`` the worker's number, ``started`` seconds on the
    machine's monotonic clock, ``elapsed`` seconds, ``items`` how many items of a map it held (1 for
    a submitted call), ``ok`` whether it returned a value.
    """

    function: str
    worker: int
    started: float
    elapsed: float
    items: int
    ok: bool
