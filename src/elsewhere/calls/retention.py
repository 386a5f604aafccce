"""How much a worker keeps of what it was given to keep."""

from elsewhere.calls.wire import Record


class ResourceLimits(Record, frozen=True, kw_only=True):
    """How much each worker keeps of what the providers of `Depends` have made.

    ``count``: how many resources. ``memory_bytes``: by how much the worker has grown while they were
    made, in all. ``idle_seconds``: how long one is kept that no call is given. None: as long as there is
    memory. What is in use is never given up.
    """

    count: int | None = None
    memory_bytes: int | None = None
    idle_seconds: float | None = None
