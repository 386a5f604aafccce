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
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Protocol

from elsewhere.calls.messages import Define, Release
from elsewhere.calls.resources import ResourceName
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.codec.captured import Check, check_of, is_importable
from elsewhere.codec.labels import describe, full_name
from elsewhere.codec.values import dumps, dumps_by_value, loads, too_large
from elsewhere.plans.plan import kept_for
from elsewhere.tasks import Task, is_pure, plain_function

ANONYMOUS_MAX = 32
"""How many bound methods and the like, which have no lifetime of their own, are kept."""
ANONYMOUS_BYTES_MAX = 2**26
Tell = Callable[[Define | Release], None]


class Late(Protocol):
    """Modules that a function imports when it runs."""

    @property
    def signs(self) -> Mapping[str, object]:
        """By name, what differs once they are others."""

    def is_same(self) -> bool:
        """Whether they are as they were."""


class Encoded:
    """A function that the gateway knows by `number`, for as long as this object lives.

    Whoever submits calls holds it meanwhile, so that no call is of a function already released.
    """

    __slots__ = (
        "_tell", "code", "edition", "late", "name", "number", "owner", "resources", "unchanged",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        name: str,
        code: bytes,
        unchanged: Check | None,
        tell: Tell,
        full: str = "",
        resources: tuple[ResourceName, ...] = (),
    ) -> None:
        self._tell = tell
        self.number = number
        self.name = name
        self.code = code
        self.unchanged = unchanged
        """whether the function is still as it was encoded; None: encode it anew to know"""
        self.edition: object = None
        """what `Editions.now` was when the function was found to be so"""
        self.late: Late | None = None
        self.owner: weakref.ref[Any] | None = None
        self.resources = resources
        """what workers keep for calls of it"""
        tell(Define(number, code, full or name, resources))

    def is_of(self, function: Callable[..., Any]) -> bool:
        """Whether this is the encoding of `function`, and not of a dead one at the same address."""
        return self.owner is not None and self.owner() is function

    def __del__(self, release: type[Release] = Release) -> None:
        # A default argument lives longer than a global when the interpreter ends.
        self._tell(release([self.number]))


class Located:
    """Encoded code that is decoded where its modules and the text of its functions can be found.

    `path` are entries of the module search path; `texts` are the lines of cells of a notebook and the
    like, which no other process could read from a file, by the name that their code has for them.
    """

    def __init__(self, path: list[str], texts: dict[str, list[str]], code: bytes) -> None:
        self.path = path
        self.texts = texts
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_located, (self.path, self.texts, self.code)


def _load_located(path: list[str], texts: dict[str, list[str]], code: bytes) -> Any:
    sys.path += [entry for entry in path if entry not in sys.path]
    if texts:
        import linecache

        for name, lines in texts.items():
            linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    return loads(code)


def _texts_of(code: bytes) -> dict[str, list[str]]:
    """The texts that are known here alone, of those that `code` mentions."""
    linecache = sys.modules.get("linecache")
    if linecache is None:
        return {}
    return {
        name: entry[2]
        for name, entry in list(linecache.cache.items())
        # An entry without a time of modification is of no file.
        if len(entry) == 4 and entry[1] is None and name.encode() in code
    }


class Editions(Protocol):
    """Which editions of modules functions need."""

    @property
    def now(self) -> Callable[[], object]:
        """What gives something equal to what it was as long as they are the same."""

    def late(self, function: object) -> Late | None:
        """What a function imports when it runs, if that has to be looked at for each call."""

    def pack(self, function: object, code: bytes, late: Late | None = None) -> bytes:
        """The code of a function, with what it needs."""


class AnyEdition:
    """`Editions` where nothing but code travels."""

    def now(self) -> object:
        return None

    def late(self, function: object) -> None:
        return None

    def pack(self, function: object, code: bytes, late: Late | None = None) -> bytes:
        return code


class Functions:
    """The functions of one pool; any thread may call.

    `tell` takes the messages for the gateway. Finalisers call it, so it must only note them. Numbers
    are counted upwards from `first`.
    """

    def __init__(self, tell: Tell, first: int = 1, editions: Editions | None = None) -> None:
        self._tell = tell
        self._editions = AnyEdition() if editions is None else editions
        self._edition_now = self._editions.now
        self._path = frozenset(sys.path)
        # The death of a function anywhere may run code of the user, which may come back here in the
        # same thread.
        self._lock = threading.RLock()
        self._numbers = count(first)
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
            unchanged = known.unchanged
            if (
                unchanged is not None
                and unchanged(function)
                and known.edition == self._edition_now()
                and (known.late is None or known.late.is_same())
            ):
                return known
        return self._encode_anew(function)

    def _encode_anew(self, function: Callable[..., Any]) -> Encoded:
        if not callable(function):
            raise TypeError(f"the first argument must be callable, not {function!r}")
        name = describe(function)
        # Look before encoding: what another thread changes in between is then found changed.
        edition, late = self._editions.now(), self._editions.late(function)
        known = kept_for(plain_function(function)).known
        if is_importable(function):
            unchanged: Check | None = _is_importable_for_ever
            code = self._locate(dumps(function, name))
        else:
            unchanged = check_of(function)
            code = self._locate(dumps_by_value(function, name, as_is=is_pure(function)))
        kept = kept_for(plain_function(function))
        if kept.known and kept.known == known:  # else the worker must look at what it was sent
            from elsewhere.codec.told import Told  # few functions are given anything

            code = dumps(Told(known, code), "function")
        code = self._editions.pack(function, code, late)
        if len(code) > PAYLOAD_BYTES_MAX:
            raise too_large(name, len(code))
        if isinstance(function, types.MethodType) or not _is_weakrefable(function):
            return self._know_anonymous(name, code, kept.resources)
        encoded = self._know_owned(function, name, code, kept.resources, unchanged)
        encoded.edition, encoded.late = edition, late
        return encoded

    def _locate(self, code: bytes) -> bytes:
        """The code, with what the module search path has gained since the pool began, and texts."""
        gained = [entry for entry in sys.path if entry not in self._path]
        texts = _texts_of(code)
        return dumps(Located(gained, texts, code), "function") if gained or texts else code

    def _know_owned(
        self,
        function: Callable[..., Any],
        name: str,
        code: bytes,
        kept: tuple[ResourceName, ...],
        unchanged: Check | None,
    ) -> Encoded:
        owned, place = self._owned, id(function)
        known = owned.get(place)
        if known is not None and known.is_of(function) and known.code == code:
            known.unchanged = unchanged
            return known
        encoded = Encoded(
            next(self._numbers),
            name,
            code,
            unchanged,
            self._tell,
            full_name(function),
            kept,
        )
        number = encoded.number

        def forget(_: object) -> None:
            # Runs wherever the last reference dies, perhaps inside any of these methods.
            latest = owned.get(place)
            if latest is not None and latest.number == number:
                del owned[place]

        encoded.owner = weakref.ref(function, forget)
        owned[place] = encoded
        return encoded

    def _know_anonymous(self, name: str, code: bytes, kept: tuple[ResourceName, ...]) -> Encoded:
        with self._lock:
            known = self._anonymous.get(code)
            if known is not None:
                self._anonymous.move_to_end(code)
                return known
        encoded = Encoded(next(self._numbers), name, code, None, self._tell, "", kept)
        with self._lock:
            return self._keep_anonymous(encoded)

    def _keep_anonymous(self, encoded: Encoded) -> Encoded:
        known = self._anonymous.setdefault(encoded.code, encoded)
        if known is encoded:
            self._anonymous_bytes += len(encoded.code)
        while len(self._anonymous) > 1 and (
            len(self._anonymous) > ANONYMOUS_MAX or self._anonymous_bytes > ANONYMOUS_BYTES_MAX
        ):
            _, oldest = self._anonymous.popitem(last=False)
            self._anonymous_bytes -= len(oldest.code)
        return known


def to_send(function: Callable[..., Any]) -> Callable[..., Any]:
    """What to send of a function: of a task that cannot be imported, only what it calls."""
    if isinstance(function, Task) and not is_importable(function):
        return function.function
    return function


def _is_importable_for_ever(_: object) -> bool:
    return True


def _is_weakrefable(value: Any) -> bool:
    return type(value).__weakrefoffset__ != 0 or isinstance(value, types.BuiltinFunctionType)
