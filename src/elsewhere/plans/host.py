"""What a process offers to those who make and keep values in it, and what they do for it."""

from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any, Protocol

from elsewhere.calls.resources import ResourceName, Use
from elsewhere.calls.retention import ResourceLimits
from elsewhere.calls.shipment import File


class Wait(Protocol):
    """One wait of one fiber or thread for another one."""

    def wake(self) -> None:
        """End it. From any thread, also before it begins."""

    def wait(self) -> None:
        """Until it is woken."""


class ThreadWait:
    """`Wait` of a thread."""

    def __init__(self) -> None:
        self._event = Event()

    def wake(self) -> None:
        self._event.set()

    def wait(self) -> None:
        self._event.wait()


class Host(Protocol):
    """A worker, as what is kept in it sees it."""

    def me(self) -> object:
        """The current fiber or thread."""

    def new_wait(self) -> Wait:
        """For the current fiber or thread. Raises RuntimeError where nothing may wait."""

    def has_loop(self) -> bool:
        """Whether a coroutine can be left to the loop of the process from here."""

    def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Its value. Where `has_loop`."""

    def guard_end(self) -> None:
        """From now on something must be done before the process ends."""

    def tell_made(self, name: ResourceName, seconds: float, nbytes: int) -> None:
        """Something was made, and is kept. Called with what is kept locked, so it must not wait."""

    def tell_evicted(self, digest: bytes) -> None:
        """It is not kept any more. As `tell_made`."""

    def count_building(self, seconds: float) -> None:
        """The current call has spent so long on what it is given."""


class Kept(Protocol):
    """What is kept in a process."""

    def seconds_to_sweep(self) -> float | None:
        """How long until something has been idle for too long; None if that cannot be."""

    def sweep(self) -> None:
        """Give up what has been idle for too long."""

    def end(self) -> None:
        """Give everything up, the latest first."""

    def uses(self) -> list[Use]:
        """How what is kept was used."""

    def leave(self) -> None:
        """In a process that was forked: what is kept is not its own to give up."""


class Process:
    """This process."""

    __slots__ = ("file_of", "host", "kept", "limits", "names_files", "path_of", "sees_files")

    def __init__(self) -> None:
        self.host: Host | None = None
        """None: it is no worker"""
        self.path_of: Callable[[bytes], str] | None = None
        """gives a file with the content of a blob; None: there is nobody to bring any"""
        self.file_of: Callable[[str], File | None] | None = None
        """what a module that was sent here means by a path; None: no module was"""
        self.sees_files = True
        """a file that is found where another process has one, in the same state, may be that very one"""
        self.names_files = False
        """calls are sent from here to where this process's files cannot be seen"""
        self.limits = ResourceLimits()
        self.kept: Kept | None = None
        """None: nothing was ever kept"""


PROCESS = Process()
