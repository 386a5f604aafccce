"""Modules that a function imports when it runs, and that are not loaded in this process.

What was never loaded here cannot be loaded again here, so of these the files count. Of each function
that imports something this is asked once, and then for each call whether they are as they were.
"""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import CodeType

from elsewhere.keys.names import imports_of
from elsewhere.shipping.specs import absolute, sign_of, spec_of

_LIBRARIES = ("/site-packages/", "/dist-packages/")


class Late:
    """Such modules of one function, by name, and the state of their files."""

    def __init__(self, specs: dict[str, ModuleSpec]) -> None:
        self._specs = specs
        self.signs = {name: sign_of(spec) for name, spec in specs.items()}

    def is_same(self) -> bool:
        """Whether the files are as they were, and nothing of it was loaded here since."""
        return all(
            name not in sys.modules and sign_of(spec) == self.signs[name]
            for name, spec in self._specs.items()
        )


def late_of(code: CodeType, package: str) -> Late | None:
    """The modules that the code of a function in this package names; None if there are none."""
    specs = {
        name: spec
        for name in _names(code, package)
        if name not in sys.modules and (spec := spec_of(name)) is not None and _may_be_users(spec)
    }
    return Late(specs) if specs else None


def _names(code: CodeType, package: str) -> Iterator[str]:
    for (level, module, taken), _ in imports_of(code):
        name = absolute(level, module, package)
        if name is None:
            continue
        parts = name.split(".")
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        yield from (f"{name}.{one}" for one in taken if one != "*")


def _may_be_users(spec: ModuleSpec) -> bool:
    origin = spec.origin or ""
    if origin in {"built-in", "frozen"} or spec.name.partition(".")[0] in sys.stdlib_module_names:
        return False
    return not any(folder in origin for folder in _LIBRARIES)
