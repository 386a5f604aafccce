"""Finds the part of a value that cannot be pickled, and names it by its path.

Loaded when something was refused. It pickles the parts of what was refused one by one, down to the
smallest one that is refused for its own sake.
"""

import functools
import reprlib
import types
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from elsewhere.codec.byvalue import cloudpickle_dumps
from elsewhere.errors import NotPicklable, type_name

DEPTH_MAX = 20
SHOWN_MAX = 200
"""characters of a key"""
REMEDIES = {
    "lock": "Make it inside the function, or drop it in __getstate__",
    "RLock": "Make it inside the function, or drop it in __getstate__",
    "generator": "Send a list, or make the generator inside the function",
    "TextIOWrapper": "Send the path and open the file inside the function",
    "BufferedReader": "Send the path and open the file inside the function",
    "socket": "Open the connection inside the function or in the pool's initializer",
    "Connection": "Open the connection inside the function or in the pool's initializer",
    "module": "Import the module inside the function",
    "Future": "Wait for it and send its result(); only futures of elsewhere can be arguments",
}
_OF_SYSTEM = types.GetSetDescriptorType, types.MemberDescriptorType
REMEDY = "Make it inside the function, or give its class a __reduce__"


def explain_unpicklable(value: Any, name: str, error: Exception) -> NotPicklable:
    """The error that names the offending part of `value`, which is called `name`."""
    path, part, reason = _find(value, name, error, 0, set())
    if isinstance(reason, NotPicklable):  # it says so itself
        return NotPicklable(path, reason.what, reason.remedy)
    kind = type(part)
    remedy = next((text for word, text in REMEDIES.items() if word in kind.__name__), REMEDY)
    return NotPicklable(path, f"{_article(kind)} ({type(reason).__name__}: {reason})", remedy)


def _find(
    value: Any, path: str, error: Exception, depth: int, seen: set[int]
) -> tuple[str, Any, Exception]:
    seen.add(id(value))
    if depth < DEPTH_MAX and not _refuses_itself(value):
        for step, part in _parts(value):
            if id(part) not in seen and (refused := _refusal(part)) is not None:
                return _find(part, path + step, refused, depth + 1, seen)
    return path, value, error


def _refuses_itself(value: Any) -> bool:
    """Whether it is of a class that says itself why it cannot be sent."""
    try:
        value.__reduce_ex__(5)
    except NotPicklable:
        return True
    except Exception:  # noqa: BLE001  # as below
        return False
    return False


def _refusal(value: Any) -> Exception | None:
    try:
        cloudpickle_dumps(value, 5)
    except Exception as error:  # noqa: BLE001  # pickling runs the value's own code
        return error
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What `value` consists of, each with the step that leads to it."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield f"[{_show(key)}]", part
            yield f" key {_show(key)}", key
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield f"[{position}]", part
    elif isinstance(value, (set, frozenset)):
        for part in value:
            yield f" element {_show(part)}", part
    else:
        yield from _parts_of_object(value)


def _parts_of_object(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, types.FunctionType):
        yield from _captured(value)
    elif isinstance(value, type):
        for name, part in vars(value).items():
            # What the system has put there is not sent.
            if not isinstance(part, _OF_SYSTEM) and name != "_abc_impl":
                yield f".{name}", part
    elif isinstance(value, Future):
        return  # no part of it says more than it does
    elif isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
    elif isinstance(value, functools.partial):
        yield ".func", value.func
        yield ".args", value.args
        yield ".keywords", value.keywords
    else:
        yield from _state(value)


def _captured(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """The variables that a function takes along: of enclosing functions, globals, defaults."""
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield f" (closure variable {name!r})", cell.cell_contents
        except ValueError:
            continue  # the variable has no value yet
    for name in code.co_names:
        if name in function.__globals__:
            yield f" (global variable {name!r})", function.__globals__[name]
    yield " (defaults)", function.__defaults__
    yield " (keyword defaults)", function.__kwdefaults__


def _state(value: Any) -> Iterator[tuple[str, Any]]:
    yield ".__class__", type(value)
    for name, part in getattr(value, "__dict__", {}).items():
        yield f".{name}", part
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _show(value: Any) -> str:
    """Its repr, shortened if need be, and something even where it has a broken one."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = SHOWN_MAX
    return short.repr(value)


def _article(kind: type) -> str:
    name = type_name(kind)
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name} cannot be pickled"
