"""`Depends`: what a parameter is given by a provider, made once per worker."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any

from elsewhere.arguments import check_seconds
from elsewhere.calls.resources import KnownResource, ResourceName
from elsewhere.codec.labels import full_name, label_of
from elsewhere.errors import NoKey
from elsewhere.inject.building import Made, make, make_in_loop
from elsewhere.inject.graph import check_graph, is_asynchronous_graph, needs_of
from elsewhere.inject.naming import Name, label_of_all, name_of, name_of_all
from elsewhere.inject.resource import Resource
from elsewhere.inject.resources import RESOURCES
from elsewhere.plans.dependency import Dependency, Hold, release_all
from elsewhere.plans.host import PROCESS
from elsewhere.reports import report
from elsewhere.tasks import plain_function

SCOPES = ("worker", "node", "call")


def Depends(provider: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:  # noqa: N802  # it stands where a type stands
    """What a parameter is given, unless the caller gives it: what ``provider(*args, **kwargs)`` makes.

    Written into the annotation, ``model: Annotated[Model, Depends(load, "large")]``, or as the default,
    ``model: Model = Depends(load, "large")``. It is made once in each worker, by the first call that
    needs it, and kept for all that name the same provider and arguments. A provider may have such
    parameters itself. If it is a generator, what follows its one ``yield`` cleans up when what it
    yielded is given up. It may be `async`. What it raises, the call raises.

    ``Depends(...).options(scope=..., idle_seconds=...)`` says how long it is kept. Raises TypeError for
    what is not callable.
    """
    if not callable(provider):
        raise TypeError(f"Depends takes a provider, which is called, not {provider!r}")
    return Provided(provider, args, kwargs)


class Provided(Dependency):
    """What `Depends` returns."""

    shared_seconds = 0.0

    def __init__(
        self,
        provider: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        scope: str = "worker",
        idle_seconds: float | None = None,
    ) -> None:
        self.provider = provider
        self.args = args
        self.kwargs = MappingProxyType(dict(kwargs))
        self.scope = scope
        self.idle_seconds = idle_seconds
        self._name: Name | None = None
        self._checked = False
        self._of_loop: bool | None = None
        self._resource: Resource | None = None

    def options(self, *, scope: str = "worker", idle_seconds: float | None = None) -> "Provided":
        """The same, kept otherwise.

        ``scope``: "worker", kept in each worker for later calls; "node", made once, and its memory shared
        by the workers; "call", made anew for each call. ``idle_seconds``: for
        how long it is kept while no call uses it. Raises TypeError and ValueError for what makes no
        sense.
        """
        if scope not in SCOPES:
            raise ValueError(f'scope must be "worker", "node" or "call", not {scope!r}')
        if idle_seconds is not None and check_seconds("idle_seconds", idle_seconds) < 0:
            raise ValueError(f"idle_seconds must be at least 0, not {idle_seconds!r}")
        return Provided(self.provider, self.args, self.kwargs, scope, idle_seconds)

    def __repr__(self) -> str:
        return f"Depends({', '.join([full_name(self.provider), *self._said()])})"

    def _said(self) -> list[str]:
        return [
            *map(repr, self.args),
            *(f"{name}={value!r}" for name, value in self.kwargs.items()),
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        return Provided, (
            self.provider, self.args, dict(self.kwargs), self.scope, self.idle_seconds,
        )  # fmt: skip

    def __elsewhere_key__(self) -> tuple[Any, ...]:
        return self.provider, self.args, dict(self.kwargs)

    # ------------------------------------------------------------ as `Wanted`

    @property
    def function(self) -> Callable[..., Any]:
        return plain_function(self.provider)

    @property
    def label(self) -> str:
        return label_of(self.provider, self.args, self.kwargs)

    def name(self) -> Name:
        if self._name is None:
            self._name = name_of(self)
        return self._name

    def arguments(self, held: list[Hold]) -> dict[str, Any]:
        kwargs = dict(self.kwargs)
        for need in needs_of(self):
            kwargs[need.name] = need.dependency.acquire(held)
        return kwargs

    # ------------------------------------------------------------ as `Dependency`

    def check(self) -> None:
        if not self._checked:
            check_graph(self)
            self._checked = True

    def kept(self) -> list[KnownResource]:
        self.check()
        known = [one for need in needs_of(self) for one in need.dependency.kept()]
        own = KnownResource()
        if self.scope == "worker":
            # What is sent is the provider as it is now.
            name = name_of(self, anew=True)
            if name.exact:
                own = KnownResource(ResourceName(name.digest, self.label), name.place)
        return [*known, own]

    def with_needs(self) -> list[Dependency]:
        needs = [one for need in needs_of(self) for one in need.dependency.with_needs()]
        return [*needs, self]

    def be_known(self, known: KnownResource) -> None:
        if self._name is None and known.resource.digest:
            self._name = Name(known.resource.digest, known.place)

    def kept_for_node(self, needs: tuple[Dependency, ...]) -> list[ResourceName]:
        try:
            return [ResourceName(name_of_all(needs, anew=True).digest, label_of_all(needs))]
        except NoKey:
            return []  # its calls say so

    def make_ahead(self, held: list[Hold]) -> None:
        if self.scope == "call":
            for need in needs_of(self):
                need.dependency.make_ahead(held)
        else:
            self.acquire(held)

    def acquire(self, held: list[Hold]) -> Any:
        if self.scope == "call":
            return self._acquire_anew(held)
        resource = self._resource
        made = None if resource is None else resource.use()
        if resource is None or made is None:
            self._resource = resource = RESOURCES.acquire(self)
            made = resource.made
        held.append(resource)
        return made.value  # type: ignore[union-attr]  # it is in use, and so it stays

    def _acquire_anew(self, held: list[Hold]) -> Any:
        for hold in held:
            if isinstance(hold, OfCall) and hold.name == self.name():
                return hold.made.value
        inner: list[Hold] = []
        try:
            made = make(self.function, self.args, self.arguments(inner))
        except BaseException:
            release_all(inner)
            raise
        held.append(OfCall(self.name(), self.label, made, inner))
        return made.value

    def node_needs(self) -> tuple[Dependency, ...]:
        if self.scope == "node":
            return (self,)
        return tuple(n for need in needs_of(self) for n in need.dependency.node_needs())

    def is_of_loop(self, *, forked: bool = False) -> bool:
        if self._of_loop is None:
            self._of_loop = is_asynchronous_graph(self)
        return self._of_loop and (forked or PROCESS.host is None)

    async def acquire_in_loop(self, held: list[Hold], ends: AsyncExitStack) -> Any:
        if not self.is_of_loop():
            return self.acquire(held)
        for hold in held:
            if isinstance(hold, OfCall) and hold.name == self.name():
                return hold.made.value
        kwargs = dict(self.kwargs)
        for need in needs_of(self):
            kwargs[need.name] = await need.dependency.acquire_in_loop(held, ends)
        made = await make_in_loop(self.function, self.args, kwargs)
        held.append(OfCall(self.name(), self.label, Made(made.value), []))
        ends.push_async_callback(self._end_in_loop, made)
        return made.value

    async def _end_in_loop(self, made: Made) -> None:
        try:
            await made.end_in_loop()
        except Exception as error:  # noqa: BLE001  # the call has come out
            report(f"the clean-up of {self.label} failed", error)


class OfCall:
    """`Hold` of what was made for one call."""

    def __init__(self, name: Name, label: str, made: Made, held: list[Hold]) -> None:
        self.name = name
        self.made = made
        self._label = label
        self._held = held

    def release(self) -> None:
        try:
            self.made.end()
        except Exception as error:  # noqa: BLE001  # the call has come out
            report(f"the clean-up of {self._label} failed", error)
        finally:
            release_all(self._held)
