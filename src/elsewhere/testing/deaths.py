"""Which calls died with a worker, by the books, and which of these deaths were not their doing."""

from collections.abc import Callable

from elsewhere.calls.workers import Exit
from elsewhere.testing.asking import Asking
from elsewhere.testing.books import CallBook, WorkerBook

RECENT_SECONDS = 60.0


class Deaths:
    """Counts what died of what, and of which deaths it is known that they came from outside."""

    def __init__(self, asking: Asking, sometimes: Callable[[str], None]) -> None:
        self._asking = asking
        self._sometimes = sometimes
        self._strays: list[float] = []
        """when it turned out, of deaths that have come from outside"""
        self.killings = 0
        """deaths that may have come from outside"""

    def find_blamed(self, worker: WorkerBook, how: Exit, now: float) -> set[int]:
        """The call that took its worker down, and all inside which it was asked for."""
        running = how.running
        if not worker.killed:
            here = running in worker.held or running in worker.parked
            if not here and is_killing(how):
                self._strays.append(now)
                self._sometimes("a worker was killed from outside")
            return self._asking.find_above(running) if here else set()
        if running in worker.held and running != worker.head:
            self._sometimes("a killed worker was in another call")
        if worker.head not in worker.interrupted:
            return set()
        return self._asking.find_above(worker.head) - {worker.head}

    def die(self, book: CallBook, how: Exit, now: float) -> None:
        """A call is blamed for a death."""
        if not book.deaths:
            book.died = now
        book.deaths += 1
        book.killings += is_killing(how)
        self.killings += is_killing(how)

    def clear(self, book: CallBook, now: float) -> None:
        """It has come out with a value."""
        self._strays += [now] * book.killings

    def own(self, book: CallBook) -> int:
        """How many deaths of a call are its own doing, for all that is known."""
        if not book.killings:
            return book.deaths
        strays = sum(when >= book.died - RECENT_SECONDS for when in self._strays)
        excused = min(book.killings, strays)
        if excused:
            self._sometimes("a death was excused")
        return book.deaths - excused


def is_killing(how: Exit) -> bool:
    """Whether a worker ended as one that is ended from outside."""
    return how.signal in {9, 15}
