"""What stands for a call that nobody has to wait for: it could not be sent, ran here, or is remembered."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from elsewhere.calls.messages import Settlement
from elsewhere.future import Future, Settler
from elsewhere.nobody import Nobody
from elsewhere.outcome import open_settlement
from elsewhere.store import Remembered

T = TypeVar("T")


class Hit(Generic[T]):
    """A call that the store has the result of: all that a map needs of a future, for less."""

    __slots__ = ("_kept",)

    def __init__(self, kept: Remembered) -> None:
        self._kept = kept

    def result(self, timeout: float | None = None) -> T:
        """As `Future.result`; once."""
        kept = self._kept
        settlement = Settlement(0, kept.verdict, kept.payload)
        value, error = open_settlement(settlement, kept.function, None)
        if error is not None:
            try:
                raise error
            finally:
                # As in `Future.result`.
                error = None
        return cast(T, value)

    def cancel(self) -> bool:
        """As `Future.cancel`."""
        return False


def failed_future(error: Exception, settler: Settler) -> Future[Any]:
    """The future of a call that could not be sent."""
    future: Future[Any] = Future(None, "a call that could not be sent", settler)
    future.set_exception(error)
    return future


def finished_future(
    function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Future[T]:
    """The future of a call that is made here and now."""
    future: Future[T] = Future(None, "a call that ran here", Nobody())
    try:
        future.set_result(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  # it belongs to whoever asks for the result
        future.set_exception(error)
    return future
