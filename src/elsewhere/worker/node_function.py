"""A function that needs what is made once for all workers of a node, and who can run it."""

from typing import Protocol

from elsewhere.calls.messages import Attempt, Outcome
from elsewhere.plans.dependency import Dependency
from elsewhere.plans.injected import Injected
from elsewhere.worker.control import Root


class NodeFunction:
    """What it is here, and its code as it came, to be decoded elsewhere."""

    __slots__ = ("__weakref__", "code", "func", "needs")

    def __init__(self, func: Injected, code: bytes, needs: tuple[Dependency, ...]) -> None:
        self.func = func
        """so called because messages look there for a name, as in a partial"""
        self.code = code
        self.needs = needs


class NodeRunner(Protocol):
    """Runs such functions in other processes."""

    def has(self, function: NodeFunction) -> bool:
        """Whether there is a process that has all that it needs."""

    def run(self, function: NodeFunction, attempt: Attempt, root: Root) -> Outcome:
        """The outcome of an attempt. Raises `ForkDied`, and what the provider raises."""
