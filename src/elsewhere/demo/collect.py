"""Which files the demo reads: the running Python's standard library and its site-packages."""

import os
import random
import site
import stat
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elsewhere.demo.complexity import FailureKind, FailureRecord, Source

# A file of this size takes a twentieth of a second or more.
_LARGE_BYTES = 256 * 2**10

# Folders of installed packages; one in the standard library's own folder is no part of it.
_PACKAGE_FOLDERS = frozenset({"site-packages", "dist-packages"})
_SKIPPED_FOLDERS = frozenset({"__pycache__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The files to parse, in that order, and all that was found but is not parsed.

    ``unreadable`` are files and folders that could not be looked at. ``duplicates`` counts further
    names of a file already taken. ``left_out_files`` and ``left_out_bytes`` did not fit into
    ``limit_bytes`` (None: no limit).
    """

    roots: tuple[str, ...]
    sources: tuple[Source, ...]
    unreadable: tuple[FailureRecord, ...]
    duplicates: int
    limit_bytes: int | None
    left_out_files: int
    left_out_bytes: int

    @property
    def bytes(self) -> int:
        return sum(source.bytes for source in self.sources)


def python_roots() -> list[Path]:
    """The folders of the standard library, then those of installed packages, each once."""
    paths = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    packages = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        packages.append(site.getusersitepackages())
    # Some systems count the whole installation as a folder of packages.
    paths += [path for path in packages if os.path.basename(path) in _PACKAGE_FOLDERS]
    return list(dict.fromkeys(Path(path).resolve() for path in paths if os.path.isdir(path)))


def collect(roots: Sequence[Path], *, limit_bytes: int | None = None) -> Collection:
    """Find every Python file under ``roots``, each once, whatever its names.

    Files are taken in the order of ``roots`` and of their names until ``limit_bytes`` are reached; the
    rest is counted. Links to files are followed, links to folders are not.
    """
    sources: list[Source] = []
    unreadable: list[FailureRecord] = []
    seen: set[tuple[int, int]] = set()
    duplicates = taken_bytes = left_out_files = left_out_bytes = 0
    for found in _find(roots):
        if isinstance(found, FailureRecord):
            unreadable.append(found)
            continue
        source, identity = found
        if identity in seen:
            duplicates += 1
            continue
        seen.add(identity)
        full = limit_bytes is not None and taken_bytes + source.bytes > limit_bytes
        if full or left_out_files:
            left_out_files += 1
            left_out_bytes += source.bytes
        else:
            sources.append(source)
            taken_bytes += source.bytes
    return Collection(
        roots=tuple(printable(str(root)) for root in roots),
        sources=_in_order(sources),
        unreadable=tuple(unreadable),
        duplicates=duplicates,
        limit_bytes=limit_bytes,
        left_out_files=left_out_files,
        left_out_bytes=left_out_bytes,
    )


def _in_order(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Large files first, as one that is begun last leaves the other workers idle at the end.

    The others are mixed, the same way each time: if all were in order of their size, the bar would
    expect many times too long at first.
    """
    ordered = sorted(sources, key=lambda source: (-source.bytes, source.path))
    large = sum(source.bytes >= _LARGE_BYTES for source in ordered)
    others = ordered[large:]
    random.Random(0).shuffle(others)
    return (*ordered[:large], *others)


_Found = tuple[Source, tuple[int, int]] | FailureRecord


def _find(roots: Iterable[Path]) -> Iterator[_Found]:
    for root in roots:
        problems: list[OSError] = []
        for folder, folders, files in os.walk(root, onerror=problems.append):
            skipped = _SKIPPED_FOLDERS | (_PACKAGE_FOLDERS if Path(folder) == root else set())
            folders[:] = sorted(set(folders) - skipped)
            for name in sorted(files):
                found = _look_at(root, os.path.join(folder, name)) if name.endswith(".py") else None
                if found is not None:
                    yield found
        for problem in problems:
            yield _unreadable(root, str(problem.filename), problem)


def _look_at(root: Path, path: str) -> _Found | None:
    try:
        status = os.stat(path)
    except OSError as error:
        return _unreadable(root, path, error)
    # A pipe or a device would block whoever reads it.
    if not stat.S_ISREG(status.st_mode):
        return None
    source = Source(module=module_name(root, path), path=path, bytes=status.st_size)
    return source, (status.st_dev, status.st_ino)


def _unreadable(root: Path, path: str, error: OSError) -> FailureRecord:
    return FailureRecord(
        module=module_name(root, path),
        path=path,
        bytes=0,
        kind=FailureKind.UNREADABLE,
        message=error.strerror or type(error).__name__,
    )


def module_name(root: Path, path: str) -> str:
    """The dotted name that the file at ``path`` has when ``root`` is on ``sys.path``."""
    relative = os.path.relpath(path, root).removesuffix(".py")
    parts = [part for part in relative.split(os.sep) if part not in ("", ".")]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return printable(".".join(parts))


def printable(text: str) -> str:
    """``text`` with everything escaped that a terminal would obey or could not show."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
