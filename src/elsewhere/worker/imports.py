"""Which modules calls have imported: the next worker of this node may have them from the start."""

import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType

from elsewhere.calls.workers import Imported


class Imports:
    """What was imported since this was made. Nothing is told once calls have changed the front of the
    module search path: a fresh process might find other modules."""

    def __init__(self, tell: Callable[[Imported], None]) -> None:
        self._tell = tell
        self._known = set(sys.modules)
        self.count = len(sys.modules)
        """how many modules there were when this looked: if there are more now, look again"""
        self._environment = dict(os.environ)
        self._path = list(sys.path)

    def look(self) -> None:
        """Tell of modules that are new."""
        modules = sys.modules.copy()
        self.count = len(modules)
        new = [name for name, module in modules.items() if name not in self._known]
        self._known.update(new)
        found = [name for name in new if _is_found_by_name(name, modules[name])]
        if found and sys.path[: len(self._path)] == self._path:
            self._tell(Imported(found, changed(self._environment)))


def changed(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of the environment that were others before."""
    if environment == os.environ:
        return ()
    names = {*environment, *os.environ}
    return tuple(sorted(n for n in names if environment.get(n) != os.environ.get(n)))


def _is_found_by_name(name: str, module: object) -> bool:
    """Whether importing it by this name gives a module, as far as it says: a name may stand for others'."""
    spec = vars(module).get("__spec__") if isinstance(module, ModuleType) else None
    return spec is not None and spec.name == name and spec.loader is not None
