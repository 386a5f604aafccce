"""A function with the names of the resources that it is given.

The client has found them to tell the gateway, and what finding them imports takes longer than all else
that a worker does before it makes its first resource.
"""

from collections.abc import Callable
from typing import Any

from elsewhere.codec.values import loads
from elsewhere.plans.plan import dependencies_of
from elsewhere.tasks import plain_function

Name = tuple[bytes, bytes]


class Told:
    """Encoded code that is decoded with the names of what it is given."""

    def __init__(self, names: list[Name], code: bytes) -> None:
        self.names = names
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_told, (self.names, self.code)


def names_of(function: Callable[..., Any]) -> list[Name]:
    """The names of all that it is given, as far as `kept_for` has just found them."""
    return [one.told_name() for one in dependencies_of(plain_function(function))]


def _load_told(names: list[Name], code: bytes) -> Any:
    function = loads(code)
    there = dependencies_of(plain_function(function))
    if len(there) == len(names):
        for dependency, name in zip(there, names, strict=True):
            dependency.be_named(name)
    return function
