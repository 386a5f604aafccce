"""Everything that is not a plain value: enums, objects of any class, arrays, callables.

An object is written as its class and its state: what ``__elsewhere_key__`` returns, else what it
would be copied from (PEP 307), so that ``__getstate__``, ``__reduce__`` and slots count as they do for
`copy`. The state is written canonically; nothing is ever pickled.
"""

import collections
import copyreg
import enum
import functools
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.arrays import write_numpy
from elsewhere.keys.arrow import write_arrow
from elsewhere.keys.canonical import Writer
from elsewhere.keys.compiled import compiled
from elsewhere.keys.frames import write_pandas
from elsewhere.keys.origin import file_of, is_extension, library_of
from elsewhere.keys.standard import STANDARD

KEY_METHOD = "__elsewhere_key__"
REMEDY = "Pass what it is made from instead, or give its class an __elsewhere_key__ method"
REMEDIES = {
    "generator": "Pass a list, or make the generator inside the function",
    "lock": "Make it inside the function",
    "RLock": "Make it inside the function",
    "TextIOWrapper": "Pass the path and open the file inside the function",
    "BufferedReader": "Pass the path and open the file inside the function",
    "BufferedWriter": "Pass the path and open the file inside the function",
    "FileIO": "Pass the path and open the file inside the function",
    "socket": "Open the connection inside the function",
    "Connection": "Open the connection inside the function",
    "object": "Use a member of an enum.Enum, which has a name, as a sentinel",
}

CALLABLES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.ModuleType,
    functools._lru_cache_wrapper,
)
"""known by what they are made of; classes are too"""

_EXTENSIONS: dict[str, Callable[[Writer, Any, type], bool]] = {
    "numpy": write_numpy,
    "pandas": write_pandas,
    "pyarrow": write_arrow,
}
# The content of a subclass of a builtin type, whatever the subclass makes of it.
_CONTENTS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (complex, lambda value: complex(value.real, value.imag)),
    (str, str.__str__),
    (bytes, lambda value: bytes(memoryview(value))),
    (bytearray, lambda value: bytearray(memoryview(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (list, lambda value: list(list.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (set, lambda value: set(set.__iter__(value))),
)
_GENERIC = (
    types.GenericAlias,
    types.UnionType,
    type(typing.Union[int, str]),  # noqa: UP007  the type of what is written so
    type(typing.List[int]),  # noqa: UP006  the type of what is written so
)


def write_other(writer: Writer, value: Any) -> None:
    """Write a value of any type that `Writer` does not know. Raises `NoKey`."""
    kind = type(value)
    known = STANDARD.get(kind)
    if known is not None:
        known(writer, value)
    elif isinstance(value, (type, *CALLABLES)):
        writer.refer(writer, value)
    elif hasattr(kind, KEY_METHOD):
        _write_own_key(writer, value)
    elif isinstance(value, enum.Enum):
        _write_member(writer, value)
    elif not _write_extension(writer, value):
        if isinstance(value, _GENERIC):
            _write_generic(writer, value)
        elif not writer.enter(value):
            return
        else:
            _write_object(writer, value)
            writer.leave(value)


def _write_own_key(writer: Writer, value: Any) -> None:
    writer.out.append(b"K")
    writer.refer(writer, type(value))
    if writer.enter(value):
        writer.write_at(f".{KEY_METHOD}()", getattr(value, KEY_METHOD)())
        writer.leave(value)


def _write_member(writer: Writer, value: enum.Enum) -> None:
    writer.out.append(b"E")
    writer.refer(writer, type(value))
    # Combined flags may have no name.
    writer.write(value.name)
    writer.write_at(".value", value.value)


def _write_extension(writer: Writer, value: Any) -> bool:
    for base in type(value).__mro__[:-1]:
        # Of types that Cython makes it may be anything.
        write = _EXTENSIONS.get(str(base.__module__).partition(".")[0])
        if write is not None and write(writer, value, base):
            return True
    return False


def _write_generic(writer: Writer, value: Any) -> None:
    # list[int], int | str, Annotated[int, note]
    writer.out.append(b"g")
    writer.write_at(".__origin__", getattr(value, "__origin__", types.UnionType))
    writer.write_at(".__args__", value.__args__)
    writer.write_at(".__metadata__", getattr(value, "__metadata__", ()))


def _write_object(writer: Writer, value: Any) -> None:
    kind = type(value)
    for base, content in _CONTENTS:
        if isinstance(value, base) and not _reduces_itself(kind, base):
            writer.out.append(b"u")
            writer.refer(writer, kind)
            writer.write(content(value))
            _write_state(writer, value.__getstate__())
            return
    if kind is object:
        raise NoKey("", "one object() differs from another in nothing but identity", _remedy(kind))
    _write_reduced(writer, value, _reduce(value))


def _reduces_itself(kind: type, base: type) -> bool:
    """Whether the class says by itself how it is copied, instead of its builtin base."""
    return any(
        getattr(kind, name) not in (getattr(base, name), getattr(object, name))
        for name in ("__reduce__", "__reduce_ex__")
    )


def _reduce(value: Any) -> Any:
    kind = type(value)
    registered = copyreg.dispatch_table.get(kind)
    try:
        return registered(value) if registered is not None else value.__reduce_ex__(4)
    except NoKey:
        raise
    except Exception as error:
        what = f"{_article(kind)} has no exact content ({type(error).__name__}: {error})"
        raise NoKey("", what, _remedy(kind)) from error


def _write_reduced(writer: Writer, value: Any, reduced: Any) -> None:
    kind = type(value)
    if isinstance(reduced, str):
        writer.out.append(b"G")
        _write_place(writer, value, reduced)
        return
    writer.out.append(b"o")
    writer.refer(writer, kind)
    make, arguments, state, items, pairs, setter = (*reduced, None, None, None, None)[:6]
    if make is not copyreg.__newobj__ or arguments != (kind,):  # type: ignore[attr-defined]  # typeshed lacks it
        writer.write(make)
        writer.write(arguments)
    _write_state(writer, state)
    writer.sequence(b"[", list(items or ()))
    ordered = writer.in_order or isinstance(value, collections.OrderedDict)
    writer.mapping(b"{", list(pairs or ()), in_order=ordered)
    writer.write(setter)


def _write_place(writer: Writer, value: Any, name: str) -> None:
    """Write a thing of which there is one, such as typing.Any or numpy.sum."""
    kind = type(value)
    home = getattr(value, "__module__", None) or kind.__module__
    module = found = sys.modules.get(home)
    for part in name.split("."):
        found = getattr(found, part, None)
    if module is None or found is not value:
        raise NoKey(
            "", f"{_article(kind)} says it is {home}.{name}, which it is not", _remedy(kind)
        )
    writer.text(f"{home}.{name}")
    file = file_of(vars(module))
    if library_of(home, file) is not None:
        writer.refer(writer, module)
    elif is_extension(file):
        writer.text(compiled(home, file))
    else:
        writer.refer(writer, kind)


def _write_state(writer: Writer, state: Any) -> None:
    """Write attributes by name, whatever order they were set in; or a state of the class's own."""
    slots = None
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
        state, slots = state
    for attributes in (state, slots):
        if type(attributes) is dict and all(type(name) is str for name in attributes):
            writer.tag(b"@", len(attributes))
            for name in sorted(attributes):
                writer.text(name)
                writer.write_at("." + name, attributes[name])
        else:
            writer.write(attributes)


def _article(kind: type) -> str:
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _remedy(kind: type) -> str:
    return REMEDIES.get(kind.__name__, REMEDY)
