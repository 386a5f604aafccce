"""What can still be decoded of an encoded list when one of its values refuses.

A pickle is a program for a stack machine. The stack is followed here without running the program,
as `pickletools.dis` does, to find where the program of each value of the list begins. Cut there, the
parts are run one after another by one unpickler, whose memo they share as they did in the whole.

Loaded when the first list cannot be decoded: others do not pay for it.
"""

import pickle
import pickletools
from collections.abc import Sequence
from io import BytesIO
from typing import Any

_EMPTY_LIST = b"\x80\x05]\x94"
"""what the program of a list begins with; the memo counts the list"""
_STACKSLICE = pickletools.stackslice
_MARK = pickletools.markobject


def loads_each(
    data: bytes, buffers: Sequence[memoryview] = ()
) -> tuple[list[Any], Exception | None]:
    """The values of an encoded list up to the first that raises, and what it raised.

    No exception means that all of them could be decoded this time.
    """
    programs = [_EMPTY_LIST, *_programs(data)]
    joined = BytesIO(b"".join(each + pickle.STOP for each in programs))
    unpickler = pickle.Unpickler(joined, buffers=buffers)
    unpickler.load()
    values: list[Any] = []
    try:
        for _ in programs[1:]:
            values.append(unpickler.load())  # noqa: PERF401  # what came before the error counts
    except Exception as error:  # noqa: BLE001  # unpickling runs the value's own code
        return values, error
    return values, None


def _programs(data: bytes) -> list[bytes]:
    """The program of each value of the list."""
    ops = [(op, position or 0) for op, _, position in pickletools.genops(data)]
    stack: list[tuple[int, bool]] = []
    """of each value: at which op its program begins, and whether it is a mark"""
    spans: list[tuple[int, int]] = []
    for number, (op, _) in enumerate(ops):
        wanted = len(op.stack_before)
        if _STACKSLICE in op.stack_before:
            above = next(n for n, (_, mark) in enumerate(reversed(stack)) if mark)
            wanted += above - 1
        used = stack[len(stack) - wanted :]
        del stack[len(stack) - wanted :]
        if op.name in {"APPEND", "APPENDS"} and not stack:
            starts = [start for start, mark in used[1:] if not mark]
            spans += zip(starts, [*starts[1:], number], strict=True)
        begin = used[0][0] if used else number
        stack += [(begin, one is _MARK) for one in op.stack_after]
    ends = [*(position for _, position in ops[1:]), len(data)]
    return [
        # A frame says how many bytes follow, which is no longer true.
        b"".join(data[ops[n][1] : ends[n]] for n in range(*span) if ops[n][0].name != "FRAME")
        for span in spans
    ]
