"""The files of the repository, as git would take them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Never part of the repository, for trees that came without git.
NOT_OURS = {"__pycache__", "build", "dist", "node_modules"}


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root, its text and, parsed on first use, its tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        """The name that it is imported by: src/elsewhere/calls/__init__.py is elsewhere.calls."""
        parts = self.path.removeprefix("src/").removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(root: Path) -> list[str]:
    """Paths from `root`: what git tracks or would add; by looking where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return sorted(_looked_up(root))
    # A file that was deleted but not yet committed so is still listed.
    return sorted({name for name in listed.decode().split("\0") if (root / name).is_file()})


def _looked_up(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") or part in NOT_OURS for part in relative.parts[:-1])
        if path.is_file() and not hidden:
            yield relative.as_posix()


def sources(root: Path, folder: str = "") -> list[Source]:
    return [
        Source(name, (root / name).read_text("utf-8"))
        for name in files(root)
        if name.startswith(folder) and name.endswith(".py")
    ]


def documents(root: Path) -> list[str]:
    return [name for name in files(root) if name.endswith(".md")]
