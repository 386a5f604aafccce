"""What a class is made of: its bases, and all that its body, its decorators and others put into it."""

import abc
import dataclasses
import enum
import inspect
import types
from collections.abc import Iterator
from typing import Any

from elsewhere.keys.origin import OURS, PYTHON
from elsewhere.keys.references import library_of_class

# What Python and its decorators put into a class, and what says nothing about what it does.
_SKIPPED = frozenset((
    "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__",
    "__dataclass_fields__", "__dataclass_params__", "__dict__", "__doc__", "__firstlineno__",
    "__module__", "__qualname__", "__static_attributes__", "__weakref__", "_abc_impl",
))  # fmt: skip
_CODE = (types.FunctionType, classmethod, staticmethod, property)
_FIELD = ("name", "init", "repr", "hash", "compare", "kw_only")
_MEMBER = frozenset(("_name_", "_value_", "__objclass__", "_sort_order_"))


def members_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Names and values that the class consists of, besides its bases; in the order of the names."""
    own = vars(kind)
    managed = _is_managed(kind)
    members = own.get("_member_map_", {}) if issubclass(kind, enum.Enum) else None
    if members is not None:
        yield "members", [(name, _member(member)) for name, member in members.items()]
    if "__dataclass_fields__" in own:
        yield "dataclass", repr(own["__dataclass_params__"])
        yield from _fields(own["__dataclass_fields__"])
    if managed:
        yield "annotations", list(inspect.get_annotations(kind).items())
    for name in sorted(own):
        value = own[name]
        if name in _SKIPPED:
            continue
        if members is not None and (name in members or _is_machinery(name, value)):
            continue
        if managed and name.startswith("__") and not isinstance(value, _CODE):
            continue  # what the library's metaclass has made of the rest
        yield name, value


def _is_managed(kind: type) -> bool:
    """Whether code that is no part of Python makes the class, and may read its annotations."""
    makers = {type(kind), *kind.__mro__[1:]}
    if (
        type(kind) not in (type, abc.ABCMeta, enum.EnumMeta)
        and library_of_class(type(kind)) is None
    ):
        return True
    return any(library_of_class(maker) not in (None, PYTHON, OURS) for maker in makers)


def _is_machinery(name: str, value: Any) -> bool:
    return name.startswith("_") and not isinstance(value, _CODE)


def _member(member: enum.Enum) -> list[Any]:
    # The value, and what __init__ made of it.
    state = {name: value for name, value in vars(member).items() if name not in _MEMBER}
    return [member.value, state]


def _fields(fields: dict[str, "dataclasses.Field[Any]"]) -> Iterator[tuple[str, Any]]:
    for name, field in fields.items():
        kind = field._field_type.name  # type: ignore[attr-defined]  # there is no public way to it
        said = [kind, *(getattr(field, part) for part in _FIELD), dict(field.metadata)]
        made = [field.default, field.default_factory]
        said += [[] if part is dataclasses.MISSING else [part] for part in made]
        yield f"field {name}", said
