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


class Preload(Record, frozen=True, tag=4):
    """Import these modules, which calls have imported, before forking further workers, when there is time.

    `variables`: not unless these of the environment are changed by that, and so not by the calls. `first`:
    whoever asks has chosen them, and workers wait for them.
    """

    modules: list[str]
    variables: tuple[str, ...] = ()
    first: bool = False


class Refused(Record, frozen=True, tag=5):
    """This package is not imported by the node; `first` is as in the order."""

    package: str
    problem: str
    first: bool = False


ToNode: TypeAlias = StartWorker | KillWorker | Preload
FromNode: TypeAlias = Exited | Refused
