"""The seam to whatever remembers the results of pure calls."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from elsewhere.calls.messages import Verdict

KEY_BYTES = 32


class Acknowledge(StrEnum):
    """What is true of a result once its store says that it is written."""

    MEMORY = "memory"
    """It is queued: it lives while the process does."""
    CRASH = "crash"
    """It survives the death of the process, by SIGKILL too; not that of the machine."""
    DURABLE = "durable"
    """It survives a power cut, if the disk honours fsync."""


class Remember(NamedTuple):
    """A result to be remembered: a row of a Turn."""

    key: bytes
    """`KEY_BYTES` long: the content name of the call"""
    function: str
    """qualified name, for status, gc and why"""
    verdict: Verdict
    """VALUE or ERROR"""
    payload: bytes
    """the encoded value or failure, opaque"""
    elapsed: float
    """seconds that the call took"""
    parts: bytes = b""
    """the parts of the key, opaque"""


class Remembered(NamedTuple):
    """A result as it was remembered."""

    key: bytes
    function: str
    verdict: Verdict
    payload: bytes
    elapsed: float
    parts: bytes
    made: float
    """when it was written, in seconds of the epoch"""


Done = Callable[[BaseException | None], None]


class Store(Protocol):
    """Remembers the results of pure calls. Every method may be called from any thread."""

    acknowledge: Acknowledge

    def get(self, key: bytes) -> Remembered | None:
        """The result of the call `key`, None if it is not there or damaged (which is warned of).

        A hit counts as a use: what has not been used for longest is evicted first.
        """

    def get_many(self, keys: Sequence[bytes]) -> list[Remembered | None]:
        """As `get`, for each of `keys` in their order, which may repeat: faster than one by one."""

    def write(self, rows: Sequence[Remember], done: Done) -> None:
        """Have `rows` remembered; returns at once.

        `done` is called once, in the store's own thread or before this returns: with None when the
        rows are what `acknowledge` says, else with what prevented it, and then none of them is
        promised. Rows are written in the order of the calls. A key that is there stays as it is.
        """

    def latest(self, function: str) -> Remembered | None:
        """The result of `function` that was written last with parts; does not count as a use."""

    def close(self) -> None:
        """Write what was given to `write`, then close. Idempotent."""
