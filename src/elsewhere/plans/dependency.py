"""What a parameter is given, unless the caller gives it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol

from elsewhere.calls.resources import KnownResource, ResourceName


class Hold(Protocol):
    """One use of what was given."""

    def release(self) -> None:
        """It is over."""


class Dependency(ABC):
    """What a function, the *provider*, makes of these arguments."""

    provider: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    idle_seconds: float | None
    """how long what is made is kept while no call uses it; None: for ever"""

    @abstractmethod
    def check(self) -> None:
        """Raise TypeError if it can never be made. Cheap but for the first time."""

    @abstractmethod
    def kept(self) -> list[KnownResource]:
        """What workers keep of each of `with_needs`. Raises TypeError if it can never be made."""

    @abstractmethod
    def with_needs(self) -> list["Dependency"]:
        """All that it is made with, each behind what it needs itself, and this one last."""

    @abstractmethod
    def be_known(self, known: KnownResource) -> None:
        """Another process has found it to be this."""

    @abstractmethod
    def kept_for_node(self, needs: tuple["Dependency", ...]) -> list[ResourceName]:
        """What workers keep for functions that need all of these, of which this is one, of their node."""

    @abstractmethod
    def make_ahead(self, held: list[Hold]) -> None:
        """Make what is kept of it, if there is none, also for forks of this process; as `acquire`."""

    @abstractmethod
    def acquire(self, held: list[Hold]) -> Any:
        """The value, made if there is none; what is to be released is added to `held`.

        Raises what the provider raises.
        """

    @abstractmethod
    def node_needs(self) -> tuple["Dependency", ...]:
        """What of it is made once for all workers of a node."""

    @abstractmethod
    def is_of_loop(self, *, forked: bool = False) -> bool:
        """Whether it is to be made in the event loop of the coroutine that is given it; here, or in a
        fork of this process."""

    @abstractmethod
    async def acquire_in_loop(self, held: list[Hold], ends: AsyncExitStack) -> Any:
        """As `acquire`, in the running loop; what is made in it ends with `ends`."""


def release_all(held: list[Hold]) -> None:
    """Release all, the latest first."""
    while held:
        held.pop().release()
