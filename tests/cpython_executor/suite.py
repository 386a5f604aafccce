"""Finds CPython's tests of `concurrent.futures` and tells which tests they define.

They have to be of the running minor version. Not every Python comes with them, and Debian has them
in a package of its own; helpers (`test.support`) have to come from the same tree as the tests.
"""

import importlib
import pkgutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

NAME = "test.test_concurrent_futures"
MINOR = sys.version_info[:2]
INSTALL_COMMAND = f"apt-get install libpython{MINOR[0]}.{MINOR[1]}-testsuite"


@dataclass(frozen=True, slots=True, order=True)
class Test:
    """A test by the class that defines it, which may be a base of several test cases."""

    definer: str
    method: str

    def __str__(self) -> str:
        return f"{self.definer}.{self.method}"


@dataclass(frozen=True, slots=True)
class Suite:
    """The loaded tests. ``classes`` are those of all modules, by name."""

    modules: list[ModuleType]
    classes: dict[str, type[Any]]
    tests: list[Test]


def find_suite() -> Path | None:
    """The folder `test` that holds the tests for the running interpreter, or None."""
    own = Path(sysconfig.get_path("stdlib"), "test")
    debian = Path(f"/usr/lib/python{MINOR[0]}.{MINOR[1]}/test")
    return next((folder for folder in (own, debian) if holds_suite(folder)), None)


def holds_suite(folder: Path) -> bool:
    """Whether `folder` is a `test` package with the tests and their helpers."""
    tests = folder / "test_concurrent_futures"
    return (folder / "support" / "__init__.py").is_file() and (
        tests.with_suffix(".py").is_file() or (tests / "__init__.py").is_file()
    )


@contextmanager
def open_suite(folder: Path) -> Iterator[Suite]:
    """Load the tests in `folder`, importable as `test` here and in processes with this `sys.path`."""
    if "test" in sys.modules:
        raise RuntimeError("another package `test` is imported already: run in a fresh interpreter")
    with TemporaryDirectory(prefix="elsewhere-cpython-") as path:
        # Before the standard library's folder, whose own `test` may lack the tests.
        Path(path, "test").symlink_to(folder.resolve(), target_is_directory=True)
        sys.path.insert(0, path)
        try:
            yield _load()
        finally:
            sys.path.remove(path)


def _load() -> Suite:
    root = importlib.import_module(NAME)
    modules = [root]
    if hasattr(root, "__path__"):
        names = sorted(module.name for module in pkgutil.iter_modules(root.__path__, f"{NAME}."))
        modules += [importlib.import_module(name) for name in names]
    classes: dict[str, type[Any]] = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    tests = [
        Test(definer, method)
        for definer, kind in classes.items()
        for method in vars(kind)
        if method.startswith("test")
    ]
    return Suite(modules, classes, tests)
