"""Where a module would be imported from, found without running it or its package."""

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any, TypeAlias

Sign: TypeAlias = tuple[str | None, int, int]


def spec_of(name: str) -> ModuleSpec | None:
    """The spec of a module, found without running it or its package; None if there is no such one."""
    module = sys.modules.get(name)
    if module is not None:
        return getattr(module, "__spec__", None)
    parent, _, _ = name.rpartition(".")
    if not parent:
        try:
            return importlib.util.find_spec(name)
        except ValueError:
            return None
    package = spec_of(parent)
    if package is None or package.submodule_search_locations is None:
        return None
    path = list(package.submodule_search_locations)
    finders: list[Any] = list(sys.meta_path)
    for finder in finders:
        try:
            found: ModuleSpec | None = finder.find_spec(name, path)
        except KeyError:
            # A folder without a module in it, which asks for its package as soon as it is found.
            return _namespace(name, path)
        if found is not None:
            return found
    return None


def _namespace(name: str, path: list[str]) -> ModuleSpec:
    folders = [os.path.join(entry, name.rpartition(".")[2]) for entry in path]
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [folder for folder in folders if os.path.isdir(folder)]
    return spec


def sign_of(spec: ModuleSpec) -> Sign:
    """What differs once the file of a module was written to."""
    try:
        found = os.stat(spec.origin or "")
    except OSError:
        return spec.origin, 0, 0
    return spec.origin, found.st_size, found.st_mtime_ns


def absolute(level: int, module: str, package: str) -> str | None:
    """The name of what an import statement in this package imports; None if it leads out of it."""
    if not level:
        return module
    try:
        return importlib.util.resolve_name("." * level + module, package)
    except ImportError:
        return None


def parents(name: str) -> list[str]:
    """The packages around a module."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
