"""Who imports what, read from the source."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator

from tests.meta.tree import Source

# All that the pure tier may import besides itself: containers, types and arithmetic.
PURE_IMPORTS = {
    "__future__",
    "abc",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "operator",
    "struct",
    "types",
    "typing",
}
PURE_MODULES = ("arguments", "calls", "engine", "errors", "gateway", "link", "store")
# The one file that knows how a message becomes bytes.
WIRE = ("elsewhere.calls.wire", "msgspec")

# What touches the world, or tells two equal states apart, without an import.
IMPURE_NAMES = {
    "__import__",
    "breakpoint",
    "compile",
    "eval",
    "exec",
    "hash",
    "id",
    "input",
    "open",
    "print",
}


def imported_packages(source: Source) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every import, wherever in the file it stands."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            package = source.module if node.level else node.module or ""
            yield node.lineno, package.partition(".")[0]


def is_third_party(package: str) -> bool:
    # _typeshed is known to type checkers alone.
    ours = package in {"elsewhere", "_typeshed"}
    return not ours and package not in sys.stdlib_module_names


def scattered_third_parties(sources: list[Source]) -> list[str]:
    """Files with several third-party packages, and third-party packages in several files."""
    packages_of: dict[str, set[str]] = defaultdict(set)
    files_of: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for _, package in imported_packages(source):
            if is_third_party(package):
                packages_of[source.path].add(package)
                files_of[package].add(source.path)
    return [
        f"{name}: {', '.join(sorted(others))}; it is one package to a file, one file to a package"
        for name, others in sorted({**packages_of, **files_of}.items())
        if len(others) > 1
    ]


def is_pure(source: Source) -> bool:
    return source.module.startswith("elsewhere.") and source.module.split(".")[1] in PURE_MODULES


def impurities(source: Source) -> Iterator[str]:
    for line, package in imported_packages(source):
        allowed = package == "elsewhere" or package in PURE_IMPORTS
        if not allowed and (source.module, package) != WIRE:
            yield f"{source.path}:{line}: the pure tier does not import {package}"
    for node in ast.walk(source.tree):
        # A field may be called `id`; what counts is reading the builtin.
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        if node.id in IMPURE_NAMES:
            yield f"{source.path}:{node.lineno}: the pure tier does not use {node.id}"
