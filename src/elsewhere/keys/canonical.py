"""The canonical encoding: equal values give equal bytes, different values different bytes.

Every value is a tag of one byte and what belongs to it; lengths and counts are 8 bytes, the most
significant first, so that no encoding is the beginning of another one. `docs/keys.md` lists the tags.
What is not listed here is handed to `others`.
"""

from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any, TypeAlias

from elsewhere.errors import NoKey
from elsewhere.keys.node import Node, Part, digest_of

INLINE_BYTES_MAX = 2**16
"""A longer string, or longer bytes, is represented by its digest."""
SHOWN_MAX = 100
"""characters of a mapping's key in a path"""

_head = Struct(">cQ").pack
_integer = Struct(">cq").pack
_float = Struct(">cd").pack
_NAN = b"f\x7f\xf8\x00\x00\x00\x00\x00\x00"

Write: TypeAlias = "Callable[[Writer, Any], None]"


class Writer:
    """Appends the encoding of values to `out`, in parts.

    `others` writes values of all further types. `refer` writes a function, class or module, which
    are known by what they are made of and not by their value. With `in_order` the order of a dict
    counts, as it does for what a function captures: it is written into the source.
    """

    __slots__ = ("in_order", "others", "out", "refer", "referred", "within")

    def __init__(self, others: Write, refer: Write, *, in_order: bool = False) -> None:
        self.out: list[Part] = []
        self.others = others
        self.refer = refer
        self.in_order = in_order
        self.within: dict[int, int] = {}
        """the containers that are being written, by identity, and how deep they are"""
        self.referred: dict[int, bytes] = {}
        """what `refer` has written, by identity, if it keeps that"""

    def write(self, value: Any) -> None:
        """Append one value. Raises `NoKey` for what has no exact bytes."""
        _WRITERS.get(type(value), _write_other)(self, value)

    def write_at(self, step: str, value: Any) -> None:
        """Append a part that a path names by `step`."""
        try:
            _WRITERS.get(type(value), _write_other)(self, value)
        except NoKey as error:
            raise error.within(step) from error.__cause__

    def tag(self, tag: bytes, count: int) -> None:
        self.out.append(_head(tag, count))

    def text(self, text: str) -> None:
        _write_str(self, text)

    def data(self, tag: bytes, data: Any) -> None:
        """Append bytes, or the digest of many; `data` is any contiguous buffer of bytes."""
        count = len(data)
        if count <= INLINE_BYTES_MAX:
            self.out.append(_head(tag, count) + data)
        else:
            self.large(tag, count, digest_of(data))

    def large(self, tag: bytes, count: int, digest: bytes) -> None:
        """Append what stands for bytes of which there are too many."""
        self.out.append(b"z" + _head(tag, count) + digest)

    def enter(self, value: Any) -> bool:
        """Begin a container; False if it is inside itself, which then has been written."""
        within = self.within
        depth = within.get(id(value))
        if depth is not None:
            self.out.append(_head(b"^", len(within) - depth))
            return False
        within[id(value)] = len(within)
        return True

    def leave(self, value: Any) -> None:
        del self.within[id(value)]

    def alone(self, value: Any) -> Part:
        """One value by itself, so that it can be sorted among others."""
        before, self.out = self.out, []
        try:
            self.write(value)
            return join(self.out)
        finally:
            self.out = before

    def unordered(self, tag: bytes, items: list[Part]) -> None:
        """Append items in the order of their bytes."""
        self.tag(tag, len(items))
        plain = [item for item in items if type(item) is bytes]
        if len(plain) == len(items):
            plain.sort()
            self.out += plain
        else:
            node = Node(unordered=True)
            node.parts += items
            self.out.append(node)

    def sequence(self, tag: bytes, items: Any) -> None:
        """Append a sized iterable in its order."""
        self.tag(tag, len(items))
        index = -1
        try:
            for index, item in enumerate(items):  # noqa: B007  the handler reads it
                _WRITERS.get(type(item), _write_other)(self, item)
        except NoKey as error:
            raise error.within(f"[{index}]") from error.__cause__

    def mapping(self, tag: bytes, items: Iterable[tuple[Any, Any]], *, in_order: bool) -> None:
        """Append keys and values, sorted by the bytes of the keys or in their order."""
        parts = [self._item(key, value) for key, value in items]
        if in_order:
            self.tag(tag, len(parts))
            self.out += parts
        else:
            self.unordered(tag, parts)

    def _item(self, key: Any, value: Any) -> Part:
        before, self.out = self.out, []
        try:
            self.write_at(".key", key)
            self.write_at(f"[{_shown(key)}]", value)
            return join(self.out)
        finally:
            self.out = before


def join(parts: list[Part]) -> Part:
    """The parts as one."""
    try:
        return b"".join(parts)  # type: ignore[arg-type]  # what else is in it is found by trying
    except TypeError:
        node = Node()
        node.parts = parts
        return node


def _shown(key: Any) -> str:
    return repr(key)[:SHOWN_MAX] if type(key) in (str, int, bool, float, bytes) else "..."


def _write_other(writer: Writer, value: Any) -> None:
    writer.others(writer, value)


def _write_int(writer: Writer, value: int) -> None:
    if -(2**63) <= value < 2**63:
        writer.out.append(_integer(b"i", value))
    else:
        data = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        writer.data(b"I", data)


def _write_float(writer: Writer, value: float) -> None:
    # A NaN has many bit patterns, which Python code cannot tell apart.
    writer.out.append(_float(b"f", value) if value == value else _NAN)  # noqa: PLR0124  NaN


def _write_str(writer: Writer, value: str) -> None:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogatepass")
    count = len(data)
    if count <= INLINE_BYTES_MAX:
        writer.out.append(_head(b"s", count) + data)
    else:
        writer.data(b"s", data)


def _write_complex(writer: Writer, value: complex) -> None:
    writer.out.append(b"c")
    _write_float(writer, value.real)
    _write_float(writer, value.imag)


def _write_list(writer: Writer, value: list[Any]) -> None:
    if writer.enter(value):
        writer.sequence(b"[", value)
        writer.leave(value)


def _write_set(tag: bytes) -> Write:
    def write(writer: Writer, value: Any) -> None:
        items = []
        for item in value:
            try:
                items.append(writer.alone(item))
            except NoKey as error:
                raise error.within("{...}") from error.__cause__
        writer.unordered(tag, items)

    return write


def _write_dict(writer: Writer, value: dict[Any, Any]) -> None:
    if writer.enter(value):
        tag = b"D" if writer.in_order else b"{"
        writer.mapping(tag, value.items(), in_order=writer.in_order)
        writer.leave(value)


def _write_range(writer: Writer, value: range) -> None:
    # Equal ranges may have different ends, which a function can see: range(0, 3, 2), range(0, 4, 2).
    writer.out.append(b"r")
    for part in (value.start, value.stop, value.step):
        _write_int(writer, part)


def _write_slice(writer: Writer, value: slice) -> None:
    writer.out.append(b":")
    for name in ("start", "stop", "step"):
        writer.write_at("." + name, getattr(value, name))


_WRITERS: dict[type, Write] = {
    type(None): lambda writer, _: writer.out.append(b"N"),
    bool: lambda writer, value: writer.out.append(b"T" if value else b"F"),
    type(...): lambda writer, _: writer.out.append(b"."),
    type(NotImplemented): lambda writer, _: writer.out.append(b"!"),
    int: _write_int,
    float: _write_float,
    complex: _write_complex,
    str: _write_str,
    bytes: lambda writer, value: writer.data(b"b", value),
    bytearray: lambda writer, value: writer.data(b"B", value),
    tuple: lambda writer, value: writer.sequence(b"(", value),
    list: _write_list,
    set: _write_set(b"<"),
    frozenset: _write_set(b">"),
    dict: _write_dict,
    range: _write_range,
    slice: _write_slice,
}

# What is exactly of one of these types cannot change in place, and refers to nothing.
ATOMS = frozenset(
    (type(None), bool, type(...), type(NotImplemented), int, float, complex, str, bytes, range)
)
