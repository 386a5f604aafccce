"""What a runner runs inside attempts: calls that were made in them, and coroutines."""

from collections.abc import Coroutine
from typing import Any, Protocol

from elsewhere.worker.control import Root


class Inner(Protocol):
    """A call that was made inside a root and waits on the stack."""

    root: Root

    def begin(self) -> bytes | None:
        """Claim it: its arguments for who comes first, None for everybody else.

        Also None while it lacks an input, which then comes first, and it after that.
        """

    def run(self, payload: bytes) -> None:
        """Run it here and settle it."""

    def drop(self) -> None:
        """Its root was interrupted: settle it as cancelled."""


class Loop(Protocol):
    """Runs the coroutines of this worker."""

    @property
    def in_control(self) -> bool:
        """Whether a coroutine, or a callback of the loop, is what runs now."""

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Park this fiber until it has ended; its value."""

    def root(self) -> Root | None:
        """Inside a coroutine: the root that it belongs to."""
