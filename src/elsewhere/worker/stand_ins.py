"""Calls that need what has the scope `node` run in processes that stand in for their worker.

What the worker keeps is such a process, made, shared and given up as every resource is: one for all
functions that need the same.
"""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from elsewhere.calls.messages import Attempt, Outcome
from elsewhere.calls.wire import replace
from elsewhere.calls.workers import Setup
from elsewhere.inject.naming import Name, exact_name_of
from elsewhere.inject.resources import RESOURCES
from elsewhere.plans.dependency import Dependency, Hold
from elsewhere.worker.control import Root
from elsewhere.worker.node_function import NodeFunction
from elsewhere.worker.post import Post
from elsewhere.worker.stand_in import StandIn
from elsewhere.worker.values import Values

TRIES = 3
"""How often a template is asked for that ends before it has answered."""
DIGEST_BYTES = 32


class StandIns:
    """Those of one worker. `node` is where they are asked for."""

    def __init__(self, post: Post, values: Values, setup: Setup, node: socket.socket) -> None:
        self._post = post
        self._values = values
        self._setup = setup
        self._node = node
        self._known: WeakKeyDictionary[NodeFunction, _Wanted] = WeakKeyDictionary()

    def has(self, function: NodeFunction) -> bool:
        """Whether there is one that has all that the function needs."""
        return RESOURCES.has(self._wanted(function).name())

    def run(self, function: NodeFunction, attempt: Attempt, root: Root) -> Outcome:
        """The outcome of an attempt. Raises `ForkDied`, and what the provider raises."""
        wanted = self._wanted(function)
        while True:
            resource = RESOURCES.acquire(wanted)
            stand_in: StandIn = resource.made.value  # type: ignore[union-attr]  # it is in use
            if stand_in.is_alive():
                break
            RESOURCES.discard(resource)
        try:
            return stand_in.run(function, attempt, root)
        finally:
            resource.release()

    def _wanted(self, function: NodeFunction) -> "_Wanted":
        wanted = self._known.get(function)
        if wanted is None:
            wanted = _Wanted(function.needs, partial(self._open, function.code, function.needs))
            self._known[function] = wanted
        return wanted

    def _open(self, code: bytes, needs: tuple[Dependency, ...]) -> Iterator[StandIn]:
        setup = replace(self._setup, stands_in=self._values.next_writer(), tells_imports=False)
        digest = name_of_all(needs).digest
        for _ in range(TRIES):
            stand_in = StandIn(self._post, self._values, self._node, digest)
            if stand_in.begin(code, setup):
                break
        else:
            raise RuntimeError(
                "the process that makes it for this node has ended each time that it was asked for: "
                "its provider takes it down"
            )
        try:
            yield stand_in
        finally:
            stand_in.end()


class _Wanted:
    """`elsewhere.inject.resources.Wanted`: a process that finds what these make."""

    def __init__(
        self, needs: tuple[Dependency, ...], function: Callable[[], Iterator[StandIn]]
    ) -> None:
        self.args = ()
        self.kwargs: MappingProxyType[str, Any] = MappingProxyType({})
        self.function = function
        self.label = " and ".join(sorted({repr(need) for need in needs}))
        limits = [need.idle_seconds for need in needs]
        self.idle_seconds = min((one for one in limits if one is not None), default=None)
        self._needs = needs
        self._name: Name | None = None

    def name(self) -> Name:
        if self._name is None:
            self._name = name_of_all(self._needs)
        return self._name

    def arguments(self, held: list[Hold]) -> dict[str, Any]:
        return {}


def name_of_all(needs: tuple[Dependency, ...]) -> Name:
    """Of what has been made of all of these. Raises `NoKey`: a name must be the same in all processes."""
    names = sorted({exact_name_of(need) for need in needs})
    digest, place = (
        blake2b(b"".join(parts), digest_size=DIGEST_BYTES, person=b"elsewhere.node").digest()
        for parts in zip(*((name.digest, name.place) for name in names), strict=True)
    )
    return Name(digest, place if all(name.place for name in names) else b"")
