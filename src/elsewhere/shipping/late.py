"""Modules that a function imports when it runs, and that are not loaded in this process.

What was never loaded here cannot be loaded again here, so of these the files count. Of each function
that imports something this is asked once, and then for each call whether they are as they were.
"""

import sys
from functools import lru_cache
from importlib.machinery import ModuleSpec
from types import CodeType

from elsewhere.keys.names import imports_of
from elsewhere.shipping.specs import absolute, parents, sign_of, spec_of

FUNCTIONS_MAX = 1024
"""functions whose import statements are kept"""
_FOLDERS = ("/site-packages/", "/dist-packages/")
_libraries: set[str] = set()
"""modules that were found there, which need not be looked for again"""


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
    specs: dict[str, ModuleSpec] = {}
    for name in _names(code, package):
        if name in sys.modules or name.partition(".")[0] in _libraries:
            continue
        spec = spec_of(name)
        if spec is not None and _may_be_users(spec):
            specs[name] = spec
    return Late(specs) if specs else None


@lru_cache(FUNCTIONS_MAX)
def _names(code: CodeType, package: str) -> tuple[str, ...]:
    """The modules that import statements in the code may load."""
    found: dict[str, None] = {}
    for (level, module, taken), _ in imports_of(code):
        name = absolute(level, module, package)
        if name is not None:
            found.update(dict.fromkeys([*parents(name), name]))
            found.update(dict.fromkeys(f"{name}.{one}" for one in taken if one != "*"))
    return tuple(found)


def _may_be_users(spec: ModuleSpec) -> bool:
    top = spec.name.partition(".")[0]
    if top in sys.stdlib_module_names or any(folder in (spec.origin or "") for folder in _FOLDERS):
        _libraries.add(top)
        return False
    return True
