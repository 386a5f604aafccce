"""What an engine and its node say to each other, over a socket that also carries file descriptors."""

from typing import TypeAlias

from elsewhere.calls.wire import Record
from elsewhere.calls.workers import Exit


class StartWorker(Record, frozen=True, tag=1):
    """Fork a worker; the descriptor sent along is its end of the link."""

    worker: int
    kept: bool = False
    """Whether a process of its own, its *keeper*, stands between it and the node."""


class KillWorker(Record, frozen=True, tag=2):
    worker: int


class Exited(Record, frozen=True, tag=3):
    """A worker's process has ended, with what is known of the end."""

    worker: int
    exit: Exit


ToNode: TypeAlias = StartWorker | KillWorker
FromNode: TypeAlias = Exited
