"""Which attempt is in control of a worker, as its gateway and its node know it.

A *root* is an attempt that the gateway has sent, with all that runs inside it. The gateway believes
that the worker runs its *head*. It is told when control goes to another root: `Parked` for a head that
has not ended, `Resumed` for one that was parked. The node finds the head in a shared page.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from elsewhere.calls.messages import Attempt, Parked, Resumed
from elsewhere.worker.editions import LoadedTable, WorkerEditions
from elsewhere.worker.parking import Parking


class Root:
    """An attempt that was begun, and all that runs inside it."""

    # Of the class until they change: most roots never do.
    arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    """what its function was called with, to be told if it fails"""
    interrupted = False
    open = True
    """it has not ended"""
    table: LoadedTable | None = None
    """the editions of the user's modules that it finds; None: those that were there"""
    parking: Parking | None = None
    """where the attempt itself waits"""
    stop: Callable[[], None] | None = None
    """stops the fork that it runs in"""
    told_parked = False
    """the gateway knows that it is parked"""
    building = 0.0
    """seconds that went into what its functions are given"""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.name = (attempt.call, attempt.fence)
        self.mapped: list[Any] = []
        """its inputs that are mapped, as `Values` notes them"""


class Threads:
    """Which root it is whose code a thread of a call runs for the worker."""

    def __init__(self) -> None:
        self._roots: dict[int, Root] = {}

    def root(self) -> Root | None:
        """This thread's, if it runs one."""
        return self._roots.get(get_ident()) if self._roots else None

    @contextmanager
    def run(self, root: Root) -> Iterator[None]:
        """What this thread runs meanwhile belongs to `root`."""
        me = get_ident()
        outer = self._roots.get(me)
        self._roots[me] = root
        try:
            yield
        finally:
            if outer is None:
                del self._roots[me]
            else:
                self._roots[me] = outer


class Control:
    """The head of a worker. `cells[0]` is where it is noted for the node; `tell` takes messages."""

    def __init__(
        self,
        cells: "memoryview[int]",
        tell: Callable[[Parked | Resumed], None],
        editions: WorkerEditions,
    ) -> None:
        self._cells = cells
        self._editions = editions
        self._tell = tell
        self.head: Root | None = None
        """the root that the gateway believes to run"""
        self._unsent = 0
        """the last call that has ended, as long as its outcome is not sent"""

    def give(self, root: Root) -> None:
        """Code of this root runs from now on."""
        table = root.table or self._editions.none
        if table is not self._editions.current:
            self._editions.enter(table)
        head = self.head
        if head is root or not root.open:
            return
        if head is not None:
            self._tell_parked(head)
        if root.told_parked:
            root.told_parked = False
            self._tell(Resumed(*root.name))
        self.head = root
        self._cells[0] = root.attempt.call

    def lose(self) -> None:
        """No root can go on now."""
        if self.head is not None:
            self._tell_parked(self.head)
            self.head = None
            self._cells[0] = self._unsent

    def end(self) -> None:
        """The head has ended. It stays noted until its outcome is sent: what it has done may keep that from
        ever being sent."""
        self.head = None
        self._unsent = self._cells[0]

    def rest(self) -> None:
        """All outcomes are sent, and nothing runs."""
        self._unsent = self._cells[0] = 0

    def leave(self) -> None:
        """In a process that a call has forked: the page is the worker's."""
        self._cells = memoryview(bytearray(self._cells.nbytes)).cast("Q")

    def _tell_parked(self, root: Root) -> None:
        root.told_parked = True
        self._tell(Parked(*root.name))
