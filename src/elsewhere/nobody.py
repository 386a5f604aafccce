"""The settler of what nobody has to settle."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from elsewhere.calls.values import Missing
from elsewhere.placed import Holder

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease


class Nobody:
    """The settler of a future that has its outcome from the start."""

    def cancel(self, call: int, settled: Callable[[], bool]) -> None:
        return None

    def is_running(self, call: int) -> bool:
        return False

    def wait_for(self, future: Any, timeout: float | None) -> bool:
        return True

    def make_waiters(self) -> list[Any]:
        return []

    def lease(self, holder: Holder, call: int) -> "Lease":
        raise AssertionError("what is here lies in no segment")

    def ask_again(self, missing: Missing, again: object, share: object) -> None:
        raise AssertionError("what is here lies in no segment")
