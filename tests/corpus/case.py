"""One edit or change of environment, and what it should mean for a remembered answer."""

from dataclasses import dataclass, field
from textwrap import dedent

SAME, DIFFERENT, REFUSED = "same", "different", "refused"
MAIN = "task.py"


@dataclass(frozen=True)
class Case:
    """Two small projects. In each, `task.py` has the function `f`, called as `CALL` says or with 2.

    `expected` says of the key of that call: it is the same, it is different, or there is none.
    """

    name: str
    expected: str
    before: dict[str, str]
    after: dict[str, str] = field(default_factory=dict)


def same(name: str, files: str | dict[str, str], *edits: tuple[str, ...]) -> Case:
    """The answer is still good after the edits."""
    return _case(name, SAME, files, edits)


def different(name: str, files: str | dict[str, str], *edits: tuple[str, ...]) -> Case:
    """The answer may be another one after the edits."""
    return _case(name, DIFFERENT, files, edits)


def refused(name: str, files: str | dict[str, str], *edits: tuple[str, ...]) -> Case:
    """What the function uses cannot be followed, and the edits change the answer."""
    return _case(name, REFUSED, files, edits)


def _case(
    name: str, expected: str, files: str | dict[str, str], edits: tuple[tuple[str, ...], ...]
) -> Case:
    """An edit is (old, new) in `task.py`, or (file, old, new). Without old, or new, all of it."""
    written = {MAIN: files} if isinstance(files, str) else files
    before = {path: dedent(text).lstrip("\n") for path, text in written.items()}
    after = dict(before)
    for edit in edits:
        path, old, new = (MAIN, *edit) if len(edit) == 2 else edit
        if not old:
            after[path] = new
        elif after[path].count(old) != 1:
            raise ValueError(f"{name}: {path} has {old!r} {after[path].count(old)} times")
        else:
            after[path] = after[path].replace(old, new)
    return Case(name, expected, before, after)
