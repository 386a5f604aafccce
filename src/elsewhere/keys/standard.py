"""The standard library's values: dates, decimals, paths and the like, each by what it says."""

import array
import collections
import datetime as dt
import decimal
import fractions
import functools
import ipaddress
import pathlib
import re
import types
import typing
import uuid
import zoneinfo
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.canonical import Write, Writer
from elsewhere.keys.references import library_of_method
from elsewhere.tasks import Task


def _name(writer: Writer, tag: bytes, value: Any) -> None:
    writer.out.append(tag)
    writer.text(type(value).__name__)


def _write_datetime(writer: Writer, value: dt.datetime) -> None:
    # The text is not enough: of two moments that a clock shows twice, `fold` says which.
    writer.out.append(b"t")
    writer.text(value.replace(tzinfo=None).isoformat())
    writer.write(value.fold)
    writer.write_at(".tzinfo", value.tzinfo)


def _write_date(writer: Writer, value: dt.date) -> None:
    writer.out.append(b"y")
    writer.text(value.isoformat())


def _write_time(writer: Writer, value: dt.time) -> None:
    writer.out.append(b"h")
    writer.text(value.replace(tzinfo=None).isoformat())
    writer.write(value.fold)
    writer.write_at(".tzinfo", value.tzinfo)


def _write_timedelta(writer: Writer, value: dt.timedelta) -> None:
    writer.out.append(b"d")
    for part in (value.days, value.seconds, value.microseconds):
        writer.write(part)


def _write_timezone(writer: Writer, value: dt.timezone) -> None:
    writer.out.append(b"w")
    _write_timedelta(writer, value.utcoffset(None))
    writer.text(value.tzname(None))


def _write_zone(writer: Writer, value: zoneinfo.ZoneInfo) -> None:
    if value.key is None:
        raise NoKey("", "a time zone that was read from a file has no name", "Use ZoneInfo(name)")
    writer.out.append(b"W")
    writer.text(value.key)


def _write_by_text(writer: Writer, value: Any) -> None:
    _name(writer, b"x", value)
    writer.text(str(value))


def _write_fraction(writer: Writer, value: fractions.Fraction) -> None:
    writer.out.append(b"q")
    writer.write(value.numerator)
    writer.write(value.denominator)


def _write_pattern(writer: Writer, value: "re.Pattern[Any]") -> None:
    writer.out.append(b"e")
    writer.write(value.pattern)
    writer.write(value.flags)


def _write_ordered(writer: Writer, value: "collections.OrderedDict[Any, Any]") -> None:
    if writer.enter(value):
        writer.mapping(b"O", value.items(), in_order=True)
        writer.leave(value)


def _write_counter(writer: Writer, value: "collections.Counter[Any]") -> None:
    if writer.enter(value):
        writer.mapping(b"#", value.items(), in_order=writer.in_order)
        writer.leave(value)


def _write_defaults(writer: Writer, value: "collections.defaultdict[Any, Any]") -> None:
    if writer.enter(value):
        writer.out.append(b"j")
        writer.write_at(".default_factory", value.default_factory)
        writer.mapping(b"{", value.items(), in_order=writer.in_order)
        writer.leave(value)


def _write_deque(writer: Writer, value: "collections.deque[Any]") -> None:
    if writer.enter(value):
        writer.out.append(b"Q")
        writer.write(value.maxlen)
        writer.sequence(b"[", value)
        writer.leave(value)


def _write_array(writer: Writer, value: "array.array[Any]") -> None:
    writer.out.append(b"a")
    writer.text(value.typecode)
    writer.data(b"b", memoryview(value).cast("B") if value else b"")


def _write_view(writer: Writer, value: memoryview) -> None:
    writer.out.append(b"v")
    writer.text(value.format)
    writer.write(value.shape)
    # A view that skips bytes has to be gathered.
    writer.data(b"b", value.cast("B") if value.c_contiguous and value.nbytes else value.tobytes())


def _write_proxy(writer: Writer, value: "types.MappingProxyType[Any, Any]") -> None:
    if writer.enter(value):
        writer.mapping(b"P", value.items(), in_order=writer.in_order)
        writer.leave(value)


def _write_partial(writer: Writer, value: "functools.partial[Any]") -> None:
    writer.out.append(b"k")
    writer.write_at(".func", value.func)
    writer.write_at(".args", value.args)
    writer.write_at(".keywords", value.keywords)


def _write_method(writer: Writer, value: types.MethodType) -> None:
    library = library_of_method(value)
    if library is not None:
        writer.out.append(b"l")
        writer.text(library)
        writer.text(value.__name__)
        return
    writer.out.append(b"m")
    writer.write_at(".__func__", value.__func__)
    writer.write_at(".__self__", value.__self__)


def _write_wrapped(writer: Writer, value: Any) -> None:
    _name(writer, b"M", value)
    writer.write_at(".__func__", value.__func__)


def _write_property(writer: Writer, value: property) -> None:
    writer.out.append(b"R")
    for name in ("fget", "fset", "fdel"):
        writer.write_at("." + name, getattr(value, name))


def _write_cached_property(writer: Writer, value: "functools.cached_property[Any]") -> None:
    writer.out.append(b"C")
    writer.write_at(".func", value.func)


def _write_dispatching_method(writer: Writer, value: "functools.singledispatchmethod[Any]") -> None:
    # It may hold a cache too.
    writer.out.append(b"9")
    writer.write_at(".dispatcher", value.dispatcher)
    writer.write_at(".func", value.func)


def _write_variable(writer: Writer, value: Any) -> None:
    # What it is bound to matters to type checkers alone.
    _name(writer, b"8", value)
    writer.text(value.__name__)


STANDARD: dict[type, Write] = {
    dt.datetime: _write_datetime,
    dt.date: _write_date,
    dt.time: _write_time,
    dt.timedelta: _write_timedelta,
    dt.timezone: _write_timezone,
    zoneinfo.ZoneInfo: _write_zone,
    decimal.Decimal: _write_by_text,
    fractions.Fraction: _write_fraction,
    uuid.UUID: _write_by_text,
    re.Pattern: _write_pattern,
    collections.OrderedDict: _write_ordered,
    collections.Counter: _write_counter,
    collections.defaultdict: _write_defaults,
    collections.deque: _write_deque,
    array.array: _write_array,
    memoryview: _write_view,
    types.MappingProxyType: _write_proxy,
    functools.partial: _write_partial,
    Task: lambda writer, task: writer.write(task.function),
    types.MethodType: _write_method,
    staticmethod: _write_wrapped,
    classmethod: _write_wrapped,
    property: _write_property,
    functools.cached_property: _write_cached_property,
    functools.singledispatchmethod: _write_dispatching_method,
    typing.TypeVar: _write_variable,
    typing.ParamSpec: _write_variable,
    typing.TypeVarTuple: _write_variable,
}
for _kind in (
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
):
    STANDARD[_kind] = _write_by_text
