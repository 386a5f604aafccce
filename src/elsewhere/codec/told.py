"""A function with what its client knows of the resources that it is given.

The client has found their names to tell the gateway, and what finding them imports takes longer than all
else that a worker does before it makes its first resource.
"""

from typing import Any

from elsewhere.calls.resources import KnownResource, ResourceName
from elsewhere.codec.values import loads
from elsewhere.plans.plan import dependencies_of
from elsewhere.tasks import plain_function


class Told:
    """Encoded code that is decoded with what is `known` of `dependencies_of` it."""

    def __init__(self, known: tuple[KnownResource, ...], code: bytes) -> None:
        self.known = known
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        parts = [(one.resource.digest, one.resource.label, one.place) for one in self.known]
        return _load_told, (parts, self.code)


def _load_told(parts: list[tuple[bytes, str, bytes]], code: bytes) -> Any:
    function = loads(code)
    there = dependencies_of(plain_function(function))
    if len(there) == len(parts):
        for dependency, (digest, label, place) in zip(there, parts, strict=True):
            dependency.be_known(KnownResource(ResourceName(digest, label), place))
    return function
