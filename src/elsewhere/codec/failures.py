"""Exceptions on their way back: their own type where it can travel, a faithful description if not.

Loaded when the first failure is met: successful calls do not pay for it.
"""

import pickle
import traceback
from collections.abc import Sequence
from itertools import dropwhile
from pathlib import Path
from types import TracebackType
from typing import Any

from elsewhere.codec.values import dumps, loads
from elsewhere.errors import NotPicklable, RemoteError, RemoteTraceback, type_name

_PACKAGE = str(Path(__file__).parent.parent)
CHAIN_MAX = 24
ELLIPSIS = "…"
RETURNED = "returned in"
"""begins the story of a result that cannot travel"""


def encode_failure(error: BaseException, label: str = "") -> bytes:
    """The bytes of an exception and of its story. Never raises for what `error` is.

    `label` is the call that raised it, in words. An error that came from a call of that call keeps the
    traceback that it came with, and its chain grows by one. That of a result that cannot travel has
    none, because no code of a user raised it.
    """
    name, message = type_name(type(error)), _say(error)
    trace = _users_part(error.__traceback__)
    text, chain = "", _chain_of(error)
    if isinstance(error.__cause__, RemoteTraceback):
        text = error.__cause__.text
    elif not chain and not (isinstance(error, NotPicklable) and trace is None):
        text = "".join(traceback.format_exception(type(error), error, trace))
    if chain:
        label += _line_of(error.__traceback__)
        notes = [note for note in getattr(error, "__notes__", ()) if note not in chain]
        _set(error, "__notes__", notes)  # the chain travels by itself
    return pickle.dumps((_encode(error, name, message), text, name, message, label, chain))


def _chain_of(error: BaseException) -> tuple[str, ...]:
    """By which calls it came so far, as the last caller was told."""
    if isinstance(error.__cause__, RemoteTraceback):
        return error.__cause__.chain
    if isinstance(error, NotPicklable):  # that of a result has no cause that could carry its chain
        notes = iter(getattr(error, "__notes__", ()))
        return tuple(dropwhile(lambda note: not str(note).startswith(RETURNED), notes))
    return ()


def _line_of(trace: TracebackType | None) -> str:
    """Where the call was that the error came from: in the last frame that is not ours."""
    frames = [frame for frame in traceback.extract_tb(trace) if not _is_ours(frame.filename)]
    return f", {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""


def _encode(error: BaseException, name: str, message: str) -> bytes:
    """The exception itself, or rebuilt from its fields, or described: what first survives a copy."""
    reason = ""
    group = [RebuiltGroup(error)] if isinstance(error, BaseExceptionGroup) else []
    for candidate in (error, Rebuilt(error), *group):
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


class RebuiltGroup:
    """A group on its way with each of its exceptions encoded by itself."""

    def __init__(self, group: BaseExceptionGroup[BaseException]) -> None:
        self.group = group

    def __reduce__(self) -> tuple[Any, ...]:
        group = self.group
        parts = [_encode(error, type_name(type(error)), _say(error)) for error in group.exceptions]
        return _rebuild_group, (type(group), group.message, parts, group.__dict__)


def _rebuild_group(
    kind: type[BaseExceptionGroup[BaseException]],
    message: str,
    parts: list[bytes],
    fields: dict[str, Any],
) -> BaseException:
    group = kind.__new__(kind, message, [loads(part) for part in parts])
    group.__dict__.update(fields)
    return group


def decode_failure(payload: bytes, place: str = "", needed: Sequence[str] = ()) -> BaseException:
    """The exception as the caller raises it: with the remote traceback as cause, and its story as notes.

    `place` says where its call ran; `needed` are lines about the calls that were not made because of it.
    """
    data, text, name, message, label, chain = loads(payload)
    error: BaseException
    try:
        error = loads(data)
    except Exception as refused:  # noqa: BLE001  # a class that this process lacks, or its own error
        reason = f"it does not unpickle here: {type(refused).__name__}: {refused}"
        error = RemoteError(name, message, reason)
    if place:
        said = "raised in" if text else RETURNED
        if chain:
            said = f"called by {label or 'a call'} in"
        by = f", by {label}" if label and not chain else ""
        for line in (f"{said} {place}{by}", *needed):
            chain = _shorten((*chain, line))
        add_notes(error, list(chain))
    if text:
        _set(error, "__cause__", RemoteTraceback(text, chain))
    return error


def add_notes(error: BaseException, notes: list[str]) -> None:
    """Add notes to an exception, whatever its class thinks of attributes."""
    if notes:
        _set(error, "__notes__", [*getattr(error, "__notes__", ()), *notes])


def _shorten(chain: tuple[str, ...]) -> tuple[str, ...]:
    """A chain of thousands of calls says enough by its ends."""
    if len(chain) <= CHAIN_MAX:
        return chain
    middle = chain[CHAIN_MAX // 2]
    skipped = int(middle.split()[1]) if middle.startswith(ELLIPSIS) else 1
    rest = chain[CHAIN_MAX // 2 + 2 :]
    return (*chain[: CHAIN_MAX // 2], f"{ELLIPSIS} {skipped + 1} calls between {ELLIPSIS}", *rest)


def _set(error: BaseException, name: str, value: object) -> None:
    # Past the class's own __setattr__: a frozen dataclass may be an exception.
    BaseException.__setattr__(error, name, value)


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the worker's own frames at its top; nothing if it has no others."""
    shown = trace
    while shown is not None and _is_ours(shown.tb_frame.f_code.co_filename):
        shown = shown.tb_next
    return shown


def _is_ours(filename: str) -> bool:
    return filename.startswith(_PACKAGE)


def _say(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as refused:  # noqa: BLE001  # its own code
        return f"<its text could not be made: {type(refused).__name__}>"
