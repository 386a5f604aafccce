"""Functions by number: each is encoded once, sent once per worker, and forgotten when it is gone.

A function that a worker can import is sent by name and never looked at again. Any other function is
sent by value, with the variables that it captures. If what it captures cannot change but by being
reassigned (numbers, strings, modules, other functions), it is encoded once, and a reassignment is
noticed by comparing identities. If it captures something that could change in place, it is encoded
anew for each submit or map, and sent again only if its bytes differ: a stale answer would be worse.
"""

import sys
import threading
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Any

from elsewhere.calls.messages import Define, Release
from elsewhere.codec.values import dumps, dumps_by_value, loads

ANONYMOUS_MAX = 32
"""How many bound methods and the like, which have no lifetime of their own, are kept."""
ANONYMOUS_BYTES_MAX = 2**26
FROZEN = (
    bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented),
    types.ModuleType, types.BuiltinFunctionType, types.MethodDescriptorType,
    types.WrapperDescriptorType, range, slice,
)  # fmt: skip
_MISSING = object()

Watched = tuple[Callable[[], Any], Any]
"""How to look at a captured variable, and what it was when the function was encoded."""


Tell = Callable[[Define | Release], None]


class Encoded:
    """A function that the gateway knows by `number`, for as long as this object lives.

    Whoever submits calls holds it meanwhile, so that no call is of a function already released.
    """

    __slots__ = ("_tell", "code", "name", "number", "owner", "watched")

    def __init__(
        self, number: int, name: str, code: bytes, watched: list[Watched] | None, tell: Tell
    ) -> None:
        self._tell = tell
        self.number = number
        self.name = name
        self.code = code
        self.watched = watched
        """captured variables, if they change only by being reassigned; None: encode anew"""
        self.owner: weakref.ref[Any] | None = None
        tell(Define(number, code))

    def is_of(self, function: Callable[..., Any]) -> bool:
        """Whether this is the encoding of `function`, and not of a dead one at the same address."""
        return self.owner is not None and self.owner() is function

    def __del__(self) -> None:
        self._tell(Release([self.number]))


class Located:
    """Encoded code that is decoded once the module search path has these entries too."""

    def __init__(self, path: list[str], code: bytes) -> None:
        self.path = path
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_located, (self.path, self.code)


def _load_located(path: list[str], code: bytes) -> Any:
    sys.path += [entry for entry in path if entry not in sys.path]
    return loads(code)


class Functions:
    """The functions of one pool. `tell` takes the messages for the gateway; any thread may call."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._path = frozenset(sys.path)
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._owned: dict[int, Encoded] = {}
        """by the identity of a function that lives"""
        self._anonymous: OrderedDict[bytes, Encoded] = OrderedDict()
        """by code, latest used last"""
        self._anonymous_bytes = 0

    def encode(self, function: Callable[..., Any]) -> Encoded:
        """The number under which the gateway knows `function`, as it is now.

        Raises `NotPicklable` and TypeError for what is not callable.
        """
        known = self._owned.get(id(function))
        if known is not None and known.is_of(function):
            watched = known.watched
            if watched is not None:
                for look, value in watched:
                    if look() is not value:
                        break
                else:
                    return known
        return self._encode_anew(function)

    def _encode_anew(self, function: Callable[..., Any]) -> Encoded:
        if not callable(function):
            raise TypeError(f"the first argument must be callable, not {function!r}")
        name = describe(function)
        if is_importable(function):
            watched: list[Watched] | None = []
            code = self._locate(dumps(function, name))
        else:
            watched = captured(function)
            code = self._locate(dumps_by_value(function, name))
        with self._lock:
            if isinstance(function, types.MethodType) or not _is_weakrefable(function):
                return self._know_anonymous(name, code)
            return self._know_owned(function, name, code, watched)

    def _locate(self, code: bytes) -> bytes:
        """The code, with the entries that the module search path has gained since the pool began."""
        gained = [entry for entry in sys.path if entry not in self._path]
        return dumps(Located(gained, code), "function") if gained else code

    def _know_owned(
        self, function: Callable[..., Any], name: str, code: bytes, watched: list[Watched] | None
    ) -> Encoded:
        known = self._owned.get(id(function))
        if known is not None and known.is_of(function) and known.code == code:
            known.watched = watched
            return known
        encoded = Encoded(next(self._numbers), name, code, watched, self._tell)
        place = id(function)
        number = encoded.number

        def forget(_: object) -> None:
            # Runs wherever the last reference dies, perhaps inside any of these methods: no lock.
            latest = self._owned.get(place)
            if latest is not None and latest.number == number:
                del self._owned[place]

        encoded.owner = weakref.ref(function, forget)
        self._owned[place] = encoded
        return encoded

    def _know_anonymous(self, name: str, code: bytes) -> Encoded:
        known = self._anonymous.get(code)
        if known is not None:
            self._anonymous.move_to_end(code)
            return known
        encoded = Encoded(next(self._numbers), name, code, None, self._tell)
        self._anonymous[code] = encoded
        self._anonymous_bytes += len(code)
        while len(self._anonymous) > 1 and (
            len(self._anonymous) > ANONYMOUS_MAX or self._anonymous_bytes > ANONYMOUS_BYTES_MAX
        ):
            _, oldest = self._anonymous.popitem(last=False)
            self._anonymous_bytes -= len(oldest.code)
        return encoded


def describe(function: Callable[..., Any]) -> str:
    """What messages and tables call a function."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if isinstance(name, str):
        return name
    inner = getattr(function, "func", None)
    if callable(inner):
        return describe(inner)
    return type(function).__qualname__


def is_importable(function: Any) -> bool:
    """Whether a worker finds the function by its module and name."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return False
    found: Any = sys.modules.get(module)
    if found is None or getattr(found, "__spec__", None) is None:
        return False
    for part in name.split("."):
        found = getattr(found, part, _MISSING)
    return found is function


def captured(function: Any) -> list[Watched] | None:
    """The variables that a function captures, or None if one of them could change in place."""
    watched: list[Watched] = []
    seen: set[int] = set()
    return watched if _watch(function, watched, seen) else None


def _watch(value: Any, watched: list[Watched], seen: set[int]) -> bool:
    """Adds what `value` captures to `watched`; False if it could change in place."""
    if type(value) in FROZEN or is_importable(value) or id(value) in seen:
        return True
    seen.add(id(value))
    if type(value) in (tuple, frozenset):
        return all(_watch(part, watched, seen) for part in value)
    if type(value) is not types.FunctionType or value.__dict__:
        return False
    for cell in value.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:
            return False
        watched.append((_look_at_cell(cell), content))
        if not _watch(content, watched, seen):
            return False
    for name in _names(value.__code__):
        content = value.__globals__.get(name, _MISSING)
        watched.append((_look_at_global(value.__globals__, name), content))
        if content is not _MISSING and not _watch(content, watched, seen):
            return False
    defaults = (value.__defaults__, value.__kwdefaults__ and tuple(value.__kwdefaults__.values()))
    return all(part is None or _watch(part, watched, seen) for part in defaults)


def _names(code: types.CodeType) -> set[str]:
    """Every name that the code, or code inside it, could take from its globals."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _look_at_cell(cell: types.CellType) -> Callable[[], Any]:
    return lambda: cell.cell_contents


def _look_at_global(space: dict[str, Any], name: str) -> Callable[[], Any]:
    return lambda: space.get(name, _MISSING)


def _is_weakrefable(value: Any) -> bool:
    return type(value).__weakrefoffset__ != 0 or isinstance(value, types.BuiltinFunctionType)
