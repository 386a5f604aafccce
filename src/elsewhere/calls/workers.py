"""The life of a worker: what it is told as it begins, and what is said of its beginning and end."""

from math import inf

from elsewhere.calls.retention import ResourceLimits
from elsewhere.calls.values import FREE_BYTES_MAX, INLINE_BYTES
from elsewhere.calls.wire import Record


class Setup(Record, frozen=True, tag=20):
    """The first message to a worker: its number and what it runs before it takes calls."""

    worker: int = 0
    initializer: bytes = b""
    """an encoded call, or empty"""
    authkey: bytes = b""
    """the key of the client's `multiprocessing`, if it is in use, so that its proxies work"""
    directory: str = ""
    """where it writes large values"""
    inline_bytes: int = INLINE_BYTES
    """how large a value may be that does not go there"""
    free_bytes_max: int = FREE_BYTES_MAX
    """how much of what nobody needs there it keeps to use it again"""
    value_bytes_max: float = inf
    """how large a value may be that it writes to memory; a larger one goes to the disk"""
    resource_limits: ResourceLimits = ResourceLimits()
    """how much it keeps of what its calls are given"""
    tells_imports: bool = False
    """whether it says `Imported`"""
    notes_calls: bool = False
    """whether it says `Ran`"""
    sees_files: bool = True
    """whether a file that it finds where the client has one, in the same state, may be that very one"""
    stands_in: str = ""
    """under which name it writes large values, if it stands in for the worker of this number. Then the
    calls that its calls make run inline"""
    names_files: bool = False
    """whether it sends calls to where its files cannot be seen"""


class Started(Record, frozen=True, tag=30):
    """The engine has started this worker; it is not ready yet."""

    worker: int
    node: int = 0
    """the machine that it is on; the client's own is 0"""


class Ready(Record, frozen=True, tag=10):
    """The worker has run its initializer and takes calls."""

    pid: int


class Unready(Record, frozen=True, tag=11):
    """The initializer raised; the worker ends."""

    failure: bytes


class Imported(Record, frozen=True, tag=38):
    """Calls have imported these modules, so the next worker may have them from the start."""

    modules: list[str]
    variables: tuple[str, ...] = ()
    """those of the environment that calls, or what they have imported, have changed"""


class Stop(Record, frozen=True, tag=25):
    """End when nothing is left to run and nothing is parked.

    What is sent after it is for a worker whose calls all wait: perhaps for what only it can run.
    """


class Kill(Record, frozen=True, tag=32):
    """End this worker at once; `Lost` follows."""

    worker: int


class Exit(Record, frozen=True):
    """How a worker process ended, as its engine saw it."""

    code: int | None = None
    signal: int | None = None
    memory_bytes: int | None = None
    """Peak resident memory."""
    running: int = 0
    """The call that was in control, or the last one if its outcome was not sent; 0 if there is none or nobody
    knows."""
    reason: str = ""
    """Why there was no process that could have ended; follows "the worker"."""
    fork: bool = False
    """It was a fork of the worker, which lives."""

    def __str__(self) -> str:
        if self.reason:
            return self.reason
        if self.signal is not None:
            return f"was killed by signal {self.signal}"
        return f"exited with code {self.code}" if self.code is not None else "was lost"


class Lost(Record, frozen=True, tag=31):
    """This worker is gone for good."""

    worker: int
    exit: Exit


class NodeLost(Record, frozen=True, tag=34):
    """This node is gone, and so are all values that lay there. Its workers are told of one by one."""

    node: int
