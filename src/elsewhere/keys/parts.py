"""The parts of a key by name, for people who ask why a call is run again."""

import json
import reprlib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elsewhere.keys.binding import bind
from elsewhere.keys.fingerprint import arguments_writer
from elsewhere.keys.key import key_of, write_bound
from elsewhere.keys.node import Node, Part, digest_of
from elsewhere.keys.origin import OURS, PYTHON
from elsewhere.keys.reach import Reach, Reached

SHOWN_MAX = 80
"""characters of a value"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPart:
    """One part of a key.

    `kind` is "python", "argument", "function", "class", "constant" or "library"; `name` is unique
    among those of its kind; `digest` is the same if and only if the part is; `shown` is for reading.
    """

    kind: str
    name: str
    digest: bytes
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A key and all that it was made from."""

    key: bytes
    parts: tuple[KeyPart, ...]

    def to_bytes(self) -> bytes:
        """For a store, to be read by `from_bytes`, of this or a later version."""
        rows = [[part.kind, part.name, part.digest.hex(), part.shown] for part in self.parts]
        return json.dumps({"key": self.key.hex(), "parts": rows}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Parts":
        """Raises ValueError for what `to_bytes` has not written."""
        try:
            read = json.loads(data)
            parts = tuple(
                KeyPart(kind=kind, name=name, digest=bytes.fromhex(digest), shown=shown)
                for kind, name, digest, shown in read["parts"]
            )
            return cls(key=bytes.fromhex(read["key"]), parts=parts)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"these are no parts of a key: {error!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A part that only one of two keys has, or that is not the same in both."""

    kind: str
    name: str
    old: KeyPart | None
    new: KeyPart | None


def parts_of(
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Parts:
    """The parts of ``key_of(function, args, kwargs)``. Raises what that raises."""
    key = key_of(function, args, kwargs)
    parts = [KeyPart(kind="python", name="Python", digest=digest_of(PYTHON.encode()), shown=PYTHON)]
    for bound in bind(function, args, kwargs or {}):
        writer = arguments_writer()
        write_bound(writer, bound)
        parts.append(_part("argument", bound.name, writer.out, _shown(bound.value), {}))
    reach = Reach()
    reach.root(function)
    parts += _reached(reach)
    for library in sorted(reach.libraries - {PYTHON, OURS}):
        name = library.partition(" ")[0]
        parts.append(
            KeyPart(kind="library", name=name, digest=digest_of(library.encode()), shown=library)
        )
    return Parts(key=key, parts=tuple(parts))


def differences(old: Parts, new: Parts) -> list[Difference]:
    """What differs between two keys, in the order of the newer one; then what is gone."""
    before = {(part.kind, part.name): part for part in old.parts}
    after = {(part.kind, part.name): part for part in new.parts}
    return [
        Difference(kind=place[0], name=place[1], old=before.get(place), new=after.get(place))
        for place in {**after, **before}
        if _digest(before.get(place)) != _digest(after.get(place))
    ]


def explain(new: Parts, old: Parts | None = None) -> str:
    """The parts of a key as text; against an older key, those that differ."""
    lines = [f"key {new.key.hex()}"]
    if old is None:
        return "\n".join([*lines, *_aligned([(p.kind, p.name, p.shown) for p in new.parts])])
    if old.key == new.key:
        return "\n".join([*lines, "the same as before: a remembered result is found"])
    lines.append(f"before {old.key.hex()}")
    found = differences(old, new)
    if not found:
        # Such as two helpers of one text that have changed places.
        return "\n".join([*lines, "the same parts as before, put together in another way"])
    return "\n".join([*lines, *_aligned([_told(one) for one in found])])


def _told(one: Difference) -> tuple[str, str, str]:
    if one.old is None:
        said = f"new: {one.new.shown if one.new else ''}"
    elif one.new is None:
        said = f"gone: {one.old.shown}"
    elif one.old.shown == one.new.shown:
        said = f"changed: {one.new.shown}"
    else:
        said = f"changed: {one.old.shown} -> {one.new.shown}"
    return one.kind, one.name, said


def _aligned(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    kinds = max((len(kind) for kind, _, _ in rows), default=0)
    names = max((len(name) for _, name, _ in rows), default=0)
    for kind, name, said in rows:
        yield f"  {kind:{kinds}}  {name:{names}}  {said}".rstrip()


def _digest(part: KeyPart | None) -> bytes | None:
    return None if part is None else part.digest


def _reached(reach: Reach) -> Iterator[KeyPart]:
    taken: dict[tuple[str, str, bytes], None] = {}
    counts: dict[tuple[str, str], int] = {}
    for one in reach.reached:
        part = _part(one.kind, one.name, one.parts, _place(one), reach.names)
        if (part.kind, part.name, part.digest) in taken:
            continue  # read in two places
        taken[part.kind, part.name, part.digest] = None
        count = counts[part.kind, part.name] = counts.get((part.kind, part.name), 0) + 1
        # Closures that one function has made all have one name.
        name = part.name if count == 1 else f"{part.name} ({count})"
        yield KeyPart(kind=part.kind, name=name, digest=part.digest, shown=part.shown)


def _part(kind: str, name: str, parts: list[Part], shown: str, names: dict[Node, str]) -> KeyPart:
    said = [part if isinstance(part, bytes) else _named(part, names) for part in parts]
    return KeyPart(kind=kind, name=name, digest=digest_of(b"".join(said)), shown=shown)


def _named(node: Node, names: dict[Node, str]) -> bytes:
    """A reference as the name it refers to, for what is there is a part of its own."""
    if node in names:
        return b"&" + names[node].encode()
    said = [part if isinstance(part, bytes) else _named(part, names) for part in node.parts]
    return b"".join(sorted(said) if node.unordered else said)


def _place(one: Reached) -> str:
    if isinstance(one.value, types.FunctionType):
        code = one.value.__code__
        return f"{Path(code.co_filename).name}:{code.co_firstlineno}"
    return "" if isinstance(one.value, type) else _shown(one.value)


class _Words(reprlib.Repr):
    """Shortens what is long, says so of what cannot be shown, and names functions."""

    def repr_function(self, function: Any, level: int) -> str:
        # Its own repr tells an address, which differs each time.
        return f"{function.__module__}.{function.__qualname__}"

    repr_method = repr_function

    def repr_Task(self, task: Any, level: int) -> str:  # noqa: N802  # reprlib finds it by this name
        return repr(task)

    def repr_Provided(self, provided: Any, level: int) -> str:  # noqa: N802  # as above
        return repr(provided)


_words = _Words()


def _shown(value: Any) -> str:
    return " ".join(_words.repr(value).split())[:SHOWN_MAX]
