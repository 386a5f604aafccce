"""The one door to cloudpickle, opened when something must travel by value."""

import functools
import io
from collections import ChainMap
from collections.abc import Callable
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Annotated, Any, ClassVar
from weakref import WeakSet

import cloudpickle

from elsewhere.codec.rebuilding import (
    as_sent,
    fill_as_is,
    fill_function,
    find_module,
    make_cell,
    make_code,
    make_function,
)
from elsewhere.plans.annotations import Unresolved
from elsewhere.plans.plan import plan_of

PROTOCOL = 5
CACHED = type(functools.cache(lambda: None))


_reducers = cloudpickle.Pickler.dispatch_table


def _reduce_code(code: CodeType) -> Any:
    return make_code, _reducers[CodeType](code)[1]


def _reduce_cell(cell: CellType) -> Any:
    return make_cell, _reducers[CellType](cell)[1]


def _reduce_module(module: ModuleType) -> Any:
    make, found = _reducers[ModuleType](module)
    return (find_module if len(found) == 1 else make), found


_own: "WeakSet[type]" = WeakSet()
"""classes that this process has sent by value, and that are its own"""
_received: "WeakSet[type]" = WeakSet()
"""those of other processes"""


def _note(kind: type) -> None:
    """A class is about to be sent by value."""
    if kind not in _received:
        _own.add(kind)


def _fill_class(kind: type, state: tuple[Callable[[type, Any], object], Any]) -> None:
    """Give a class what it came with. One that comes back stays as it is: what became of a copy elsewhere
    is not its affair, and some cannot be filled twice."""
    if kind not in _own:
        _received.add(kind)
        fill, given = state
        fill(kind, given)


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """cloudpickle's, which sends a function by value, and a function behind `functools.cache` too.

    Who loads a function imports cloudpickle only if there is a class with it. `as_is`: as in
    `elsewhere.codec.values.dumps_by_value`.
    """

    as_is = False
    dispatch_table: ClassVar[ChainMap[type, Callable[..., Any]]] = ChainMap(
        {CodeType: _reduce_code, CellType: _reduce_cell, ModuleType: _reduce_module}, _reducers
    )

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is CACHED and (obj.__module__ == "__main__" or "<locals>" in obj.__qualname__):
            # Made first and filled then, because the function may well call itself by this name.
            return (
                _make_cached,
                (obj.cache_parameters(),),
                obj.__wrapped__,
                None,
                None,
                _fill_cached,
            )
        reduced = super().reducer_override(obj)
        if type(obj) is FunctionType and reduced is not NotImplemented:
            _, parts, (attributes, slots), *_ = reduced
            _resolve_annotations(obj, slots)
            if not self.as_is:
                slots["__globals__"] = as_sent(obj.__globals__, slots["__globals__"])
            fill = fill_as_is if self.as_is else fill_function
            return make_function, parts, (attributes, slots), None, None, fill
        if isinstance(obj, type) and reduced is not NotImplemented and len(reduced) == 6:
            _note(obj)
            make, parts, given, items, pairs, fill_class = reduced
            if "__slots__" in vars(obj) and isinstance(parts[0], type):  # else it is an enumeration
                given[0].pop("__slots__", None)  # slots are made with their class
                parts[3]["__slots__"] = vars(obj)["__slots__"]
            return make, parts, (fill_class, given), items, pairs, _fill_class
        return reduced


class Collector(ByValuePickler):
    """Notes the functions, classes and modules that the pickle of a value mentions or contains."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), PROTOCOL)
        self.met: list[Any] = []

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (FunctionType, BuiltinFunctionType, ModuleType, type)):
            self.met.append(obj)
        return super().reducer_override(obj)


def _resolve_annotations(function: FunctionType, slots: dict[str, Any]) -> None:
    """What a parameter is given travels as it is: the names in its annotation are not there elsewhere."""
    plan = plan_of(function)
    if plan is not None and "__wrapped__" not in vars(function):
        given = {one.name: Annotated[object, one.dependency] for one in plan.given}
        unknown = {one.name: Unresolved(one.reason) for one in plan.unresolved}
        slots["__annotations__"] = {**slots["__annotations__"], **given, **unknown}


def collect(value: Any) -> list[Any]:
    """The functions, classes and modules that `value` consists of. Raises what pickling it raises."""
    collector = Collector()
    collector.dump(value)
    # Those that put together again what was taken apart are not the value's.
    makers = cloudpickle.cloudpickle.__name__, make_function.__module__
    return [one for one in collector.met if getattr(one, "__module__", None) not in makers]


def _make_cached(parameters: dict[str, Any]) -> Any:
    inner: list[Callable[..., Any]] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        return inner[0](*args, **kwargs)

    cached: Any = functools.lru_cache(**parameters)(call)
    cached.inner = inner
    return cached


def _fill_cached(cached: Any, function: Callable[..., Any]) -> None:
    cached.inner.append(function)
    functools.update_wrapper(cached, function)


def cloudpickle_dumps(
    value: Any,
    protocol: int,
    buffer_callback: Callable[[Any], object] | None = None,
    *,
    as_is: bool = False,
) -> bytes:
    """As `cloudpickle.dumps`; `as_is`: as in `ByValuePickler`."""
    with io.BytesIO() as file:
        pickler = ByValuePickler(file, protocol, buffer_callback=buffer_callback)
        pickler.as_is = as_is
        pickler.dump(value)
        return file.getvalue()
