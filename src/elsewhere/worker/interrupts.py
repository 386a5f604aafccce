"""Attempts that are asked to stop: the one in control by a signal, and those that wait.

The calls that such an attempt has made are stopped with it.
"""

import signal
from collections.abc import Callable, Mapping

from elsewhere.errors import CallInterrupted
from elsewhere.worker.control import Root
from elsewhere.worker.post import Post


class Interrupts:
    """`roots` are those that have not ended, by name; `current` gives the one in control."""

    def __init__(
        self,
        post: Post,
        roots: Mapping[tuple[int, int], Root],
        current: Callable[[], Root | None],
    ) -> None:
        self._post = post
        self._roots = roots
        self._current = current
        self.on_interrupt: Callable[[Root], None] = lambda root: None
        """whoever makes calls inside calls listens here"""

    def install(self) -> None:
        """Let the watcher interrupt the main thread by a signal."""
        signal.signal(signal.SIGINT, self._on_signal)

    def leave(self) -> None:
        """In a process that a call has forked: Ctrl-C means there what it always does."""
        if signal.getsignal(signal.SIGINT) == self._on_signal:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def raise_parked(self) -> None:
        """In the main thread: let attempts end that wait for their calls."""
        for name in list(self._post.interrupts):
            root = self._roots.get(name)
            if root is not None:  # else it waits behind, and will be interrupted when it runs
                self._post.interrupts.discard(name)
                self._interrupt(root)

    def stop_children_of_parked(self) -> None:
        """From the watcher: what keeps the main thread may be a call of the very root that must end."""
        for name in list(self._post.interrupts):
            root = self._roots.get(name)
            if root is not None:
                self._stop_children(root)

    def _on_signal(self, signum: int, frame: object) -> None:
        root = self._current()
        if root is None or self._post.is_sending():
            return  # half a message must not stay half: the watcher will signal again
        if root.name in self._post.interrupts:
            if root.stop is not None:
                root.stop()  # and again, at each look of the watcher, until it has come out
                return
            self._post.interrupts.discard(root.name)
            self._interrupt(root)
            raise CallInterrupted(f"call {root.attempt.call} was asked to stop")

    def _interrupt(self, root: Root) -> None:
        """Let the attempt itself end, if it waits for one of its calls."""
        self._stop_children(root)
        if root.parking is not None:
            root.parking.error = CallInterrupted(f"call {root.attempt.call} was asked to stop")
            root.parking.wake()

    def _stop_children(self, root: Root) -> None:
        if not root.interrupted:
            root.interrupted = True
            self.on_interrupt(root)
