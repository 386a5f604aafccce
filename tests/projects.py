"""Small projects of modules that a test writes, imports and edits."""

import importlib
import os
import sys
import sysconfig
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import elsewhere

OLD_SECONDS = 60.0
BARE = [
    str(Path(elsewhere.__file__).parent.parent),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    *(entry for entry in sys.path if entry.endswith("lib-dynload")),
]
"""Where a machine finds modules that has elsewhere and nothing of the user's."""


class Project:
    """A folder on the module search path of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str, *, old: bool = False) -> Path:
        """A file of the project; an `old` one was not written just now, as far as its time tells."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
        if old:
            then = time.time() - OLD_SECONDS
            os.utime(path, (then, then))
        return path

    def load(self, name: str) -> ModuleType:
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def edit(self, module: ModuleType, text: str) -> None:
        """Write a module anew and load it again."""
        assert module.__file__ is not None
        path = Path(module.__file__)
        path.write_text(textwrap.dedent(text), "utf-8")
        importlib.invalidate_caches()
        importlib.reload(module)


@contextmanager
def project_in(folder: Path) -> Iterator[Project]:
    """A project whose modules are gone from this process afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(folder))
    before = set(sys.modules)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield Project(folder)
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(str(folder))
        ours = [name for name in set(sys.modules) - before if _lies_in(folder, sys.modules[name])]
        for name in ours:
            del sys.modules[name]


def _lies_in(folder: Path, module: ModuleType) -> bool:
    spec = module.__spec__
    places = [getattr(module, "__file__", None) or "", *(getattr(module, "__path__", None) or ())]
    return spec is not None and any(str(place).startswith(str(folder)) for place in places)
