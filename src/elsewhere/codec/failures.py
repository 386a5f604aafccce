"""Exceptions on their way back: their own type where it can travel, a faithful description if not.

Loaded when the first failure is met: successful calls do not pay for it.
"""

import pickle
import traceback
from pathlib import Path
from types import TracebackType

from elsewhere.codec.values import dumps, loads
from elsewhere.errors import NotPicklable, RemoteError, RemoteTraceback

_PACKAGE = str(Path(__file__).parent.parent)


def encode_failure(error: BaseException) -> bytes:
    """The bytes of an exception and of its traceback as text. Never raises for what `error` is."""
    text = "".join(
        traceback.format_exception(type(error), error, _users_part(error.__traceback__))
    )
    try:
        data = dumps(error, "exception")
        copy = loads(data)
        reason = "" if type(copy) is type(error) else f"it unpickles as {type(copy).__name__}"
    except NotPicklable as refused:
        reason = str(refused)
    except Exception as refused:
        # Unpickling runs the exception's own code, which may raise anything.
        reason = f"it does not unpickle: {type(refused).__name__}: {refused}"
    if reason:
        described = RemoteError(_name(type(error)), _say(error), reason)
        data = dumps(described, "exception")
    return pickle.dumps((data, text, _name(type(error)), _say(error)))


def decode_failure(payload: bytes, notes: list[str]) -> BaseException:
    """The exception as the caller raises it: with the remote traceback as cause, and notes."""
    data, text, name, message = loads(payload)
    error: BaseException
    try:
        error = loads(data)
    except Exception as refused:
        # A class that this process lacks, or that does not take its own arguments.
        reason = f"it does not unpickle here: {type(refused).__name__}: {refused}"
        error = RemoteError(name, message, reason)
    error.__cause__ = RemoteTraceback(text)
    for note in notes:
        error.add_note(note)
    return error


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the worker's own frames at its top."""
    shown = trace
    while shown is not None and shown.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        shown = shown.tb_next
    return shown if shown is not None else trace


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _say(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as refused:
        return f"<its text could not be made: {type(refused).__name__}>"
