"""How a bug is planted in the machine, and taken out again."""

from collections.abc import Callable
from typing import Any, Self

PLANTED: "dict[str, Plant]" = {}
"""every bug by its name"""


class Patch:
    """Attributes that are replaced until the end of a `with` block."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute of a class or a module."""
        self._replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a function by what `make` makes of it."""
        self.set(owner, name, make(getattr(owner, name)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        while self._replaced:
            setattr(*self._replaced.pop())


Plant = Callable[[Patch], None]


def planted(plant: Plant) -> Plant:
    """Enter a bug; its name is what the function is called."""
    PLANTED[plant.__name__.replace("_", " ")] = plant
    return plant
