"""Ctrl-C must not tear a step of the machine.

Python runs signal handlers in the main thread between any two instructions. Whoever submits or waits
in that thread also drives the machine there, and a KeyboardInterrupt in the middle of a step would
leave it in a state that no step leaves. So the handler is held back for the microseconds of a step.
"""

import _signal  # type: ignore[import-not-found]  # the module behind `signal`, without the conversion to enums: this is a hot path
from collections.abc import Callable
from signal import SIGINT
from threading import get_ident, main_thread
from types import FrameType
from typing import Self

_MAIN = main_thread().ident

Handler = Callable[[int, FrameType | None], object] | int | None


class DeferredInterrupts:
    """A block that Ctrl-C does not interrupt; one that came meanwhile is delivered at its end."""

    __slots__ = ("_came", "_handler", "_held")

    def __enter__(self) -> Self:
        self._came = False
        self._held = get_ident() == _MAIN
        if self._held:
            self._handler: Handler = _signal.signal(SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._held:
            handler = self._handler
            # A handler that was not installed from Python reads as None and cannot be put back.
            _signal.signal(SIGINT, _signal.default_int_handler if handler is None else handler)
            if self._came:
                _signal.raise_signal(SIGINT)

    def allow(self) -> None:
        """Inside the block: let Ctrl-C interrupt again, until `hold`. Delivers one that came."""
        if self._held:
            handler = self._handler
            _signal.signal(SIGINT, _signal.default_int_handler if handler is None else handler)
            if self._came:
                self._came = False
                _signal.raise_signal(SIGINT)

    def hold(self) -> None:
        """Defer again."""
        if self._held:
            _signal.signal(SIGINT, self._note)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._came = True
