"""Exceptions on their way back: their own type where it can travel, a faithful description if not.

Loaded when the first failure is met: successful calls do not pay for it.
"""

import pickle
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from elsewhere.codec.values import dumps, loads
from elsewhere.errors import NotPicklable, RemoteError, RemoteTraceback, type_name

_PACKAGE = str(Path(__file__).parent.parent)


def encode_failure(error: BaseException) -> bytes:
    """The bytes of an exception and of its traceback as text. Never raises for what `error` is."""
    name, message = type_name(type(error)), _say(error)
    text = ""
    if not isinstance(error, NotPicklable):  # that one is ours, and so are its frames
        lines = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
        text = "".join(lines)
    return pickle.dumps((_encode(error, name, message), text, name, message))


def _encode(error: BaseException, name: str, message: str) -> bytes:
    """The exception itself, or rebuilt from its fields, or described: what first survives a copy."""
    reason = ""
    for candidate in (error, Rebuilt(error)):
        try:
            data = dumps(candidate, "exception")
            if type(loads(data)) is type(error):
                return data
        except Exception as refused:  # noqa: BLE001  # pickling runs its own code: anything may come
            reason = reason or f"{type(refused).__name__}: {refused}"
    return dumps(RemoteError(name, message, reason or "its copy has another type"), "exception")


class Rebuilt:
    """An exception on its way without its ``__init__``, which may not take its own ``args``."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        error = self.error
        return _rebuild, (type(error), error.args, error.__dict__)


def _rebuild(
    kind: type[BaseException], args: tuple[Any, ...], fields: dict[str, Any]
) -> BaseException:
    error = kind.__new__(kind, *args)
    _set(error, "args", args)
    error.__dict__.update(fields)
    return error


def decode_failure(payload: bytes, notes: list[str]) -> BaseException:
    """The exception as the caller raises it: with the remote traceback as cause, and notes."""
    data, text, name, message = loads(payload)
    error: BaseException
    try:
        error = loads(data)
    except Exception as refused:  # noqa: BLE001  # a class that this process lacks, or its own error
        reason = f"it does not unpickle here: {type(refused).__name__}: {refused}"
        error = RemoteError(name, message, reason)
    if text:
        _set(error, "__cause__", RemoteTraceback(text))
    add_notes(error, notes)
    return error


def add_notes(error: BaseException, notes: list[str]) -> None:
    """Add notes to an exception, whatever its class thinks of attributes."""
    if notes:
        _set(error, "__notes__", [*getattr(error, "__notes__", ()), *notes])


def _set(error: BaseException, name: str, value: object) -> None:
    # Past the class's own __setattr__: a frozen dataclass may be an exception.
    BaseException.__setattr__(error, name, value)


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the worker's own frames at its top; nothing if it has no others."""
    shown = trace
    while shown is not None and shown.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        shown = shown.tb_next
    return shown


def _say(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as refused:  # noqa: BLE001  # its own code
        return f"<its text could not be made: {type(refused).__name__}>"
