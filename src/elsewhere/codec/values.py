"""Values to bytes and back, between processes that trust each other.

Plain pickle is tried first, because it is ten times faster than cloudpickle. It names functions and
classes by their module, and the client's ``__main__`` is not the worker's: whatever mentions
``__main__`` is sent by value with cloudpickle instead, and so is what plain pickle refuses.
"""

import pickle
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from elsewhere.codec.apart import COPIED_BYTES_MAX, dumps_arrays_apart
from elsewhere.errors import NotPicklable

Encoding = TypeVar("Encoding")
PROTOCOL = 5
_MAIN = b"__main__"

loads = pickle.loads


def load_list(
    data: bytes | memoryview, buffers: Sequence[memoryview] = ()
) -> tuple[list[Any], Exception | None]:
    """The values of an encoded list, and None; or those up to the first that raises, and its error."""
    try:
        return loads(data, buffers=buffers), None
    except Exception:  # noqa: BLE001  # it comes again, and then it is known of which value
        from elsewhere.codec.salvage import loads_each

        return loads_each(bytes(data), buffers)


def dumps(value: Any, name: str) -> bytes:
    """The bytes of `value`; `name` is what a message calls it, such as ``args``.

    Raises `NotPicklable`, which names the offending part by its path from `name`.
    """
    try:
        data = pickle.dumps(value, PROTOCOL)
    except MemoryError:
        raise  # it says nothing of the value
    except Exception:  # noqa: BLE001  # pickling runs the value's own code
        return dumps_by_value(value, name)
    return dumps_by_value(value, name) if _MAIN in data else data


def dumps_parts(value: Any, name: str, pickled_bytes_max: int = -1) -> list[memoryview]:
    """As `dumps`, but what is large and has no pickle of its own stays where it is: the pickle, and
    behind it the buffers of the value, but for those of at most `pickled_bytes_max`."""
    buffers: list[memoryview] = []
    pickled = 0

    def leave(buffer: pickle.PickleBuffer) -> bool:
        """Whether it goes into the pickle."""
        nonlocal pickled
        raw = buffer.raw()
        if raw.nbytes <= pickled_bytes_max:
            pickled += raw.nbytes
            return True
        buffers.append(raw)
        return False

    try:
        data = pickle.dumps(value, PROTOCOL, buffer_callback=leave)
    except Exception:  # noqa: BLE001  # pickling runs the value's own code
        data = b""
    if not data or _MAIN in data:
        buffers.clear()
        data = dumps_by_value(value, name, leave)
    elif len(data) - pickled > COPIED_BYTES_MAX:
        met = buffers.copy()
        buffers.clear()
        apart = dumps_arrays_apart(data, value, PROTOCOL, leave)
        if apart is None:
            buffers[:] = met
        else:
            data = apart
    return [memoryview(data), *buffers]


def dumps_apart(value: Any, name: str) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """As `dumps_parts`, for who has no use for the parts of a small value."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        data = pickle.dumps(value, PROTOCOL, buffer_callback=buffers.append)
    except Exception:  # noqa: BLE001  # pickling runs the value's own code
        data = b""
    if not data or _MAIN in data:
        buffers.clear()
        data = dumps_by_value(value, name, buffers.append)
    elif len(data) > COPIED_BYTES_MAX:
        found: list[pickle.PickleBuffer] = []
        apart = dumps_arrays_apart(data, value, PROTOCOL, found.append)
        if apart is not None:
            data, buffers = apart, found
    return data, buffers


def dumps_by_value(
    value: Any,
    name: str,
    leave: Callable[[pickle.PickleBuffer], bool | None] | None = None,
    *,
    as_is: bool = False,
) -> bytes:
    """As `dumps`, but functions and classes that a worker could not import go along by value; `as_is`: with
    the globals that they have here, and find no others where they arrive."""
    from elsewhere.codec.byvalue import cloudpickle_dumps

    try:
        return cloudpickle_dumps(value, PROTOCOL, leave, as_is=as_is)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        _refuse(value, name, error)


def dumps_call(
    args: tuple[Any, ...], kwargs: dict[str, Any], encode: Callable[[Any, str], Encoding]
) -> Encoding:
    """The arguments of a call, as `encode` gives them, which is `dumps` or takes and raises the same.
    Raises `NotPicklable` in the words of who wrote the call."""
    try:
        return encode((args, kwargs), "call")
    except NotPicklable as error:
        path = error.path.removeprefix("call")
        for position, name in (("[0]", "args"), ("[1]", "kwargs")):
            if path.startswith(position):
                path = name + path[len(position) :]
        raise NotPicklable(path or "the arguments", error.what, error.remedy) from error.__cause__


def too_large(path: str, size: int) -> NotPicklable:
    """The error for a value whose encoding no message can carry."""
    return NotPicklable(
        path,
        f"{size / 2**30:.1f} GiB are more than a message can carry (4 GiB)",
        "Write it to a file and send its path, or send it in parts",
    )


def _refuse(value: Any, name: str, error: Exception) -> NoReturn:
    # Only a failure pays for the search and for what it imports.
    from elsewhere.codec.explain import explain_unpicklable

    raise explain_unpicklable(value, name, error) from error
