"""The callbacks of futures that are settled, until a thread calls them."""

from collections import deque
from threading import get_ident, main_thread

from elsewhere.pending import Pending


class Callbacks(deque[Pending]):
    """Whoever is settled, and its callbacks not called yet."""

    __slots__ = ()

    def run(self) -> None:
        """Call them all. One that Ctrl-C has interrupted is called again."""
        while self:
            try:
                pending = self.popleft()
            except IndexError:
                return  # another thread was faster
            try:
                pending.run_callbacks()
            except KeyboardInterrupt:
                self.appendleft(pending)
                if get_ident() == main_thread().ident:
                    raise
