"""Virtual environments with the packages that a pool was asked for, made once and kept.

They lie in the user's folder for caches, each named by the digest of all that it is made from. Whoever makes
one has its lock, and writes its stamp last, so that one is never used that is half made: processes that
want the same wait for each other, and what one that died has left is made anew. The tools are run with
the environment of this process, and so with the user's own settings for them.
"""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from elsewhere.errors import NotInstalled

OWN = ("apsw", "cloudpickle", "greenlet", "msgspec", "rich")
"""What elsewhere itself needs: a worker has it from this process, so packages must agree with that."""
STAMP = "made-from.txt"
DIGEST_BYTES = 16
_REQUIREMENT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\s*([\[(<>=!~;@].*)?")


@dataclass(frozen=True, slots=True)
class Venv:
    """An environment: where it is, and its digest."""

    folder: str
    digest: bytes

    @property
    def python(self) -> str:
        """Its interpreter."""
        return os.path.join(self.folder, "bin", "python")


def check_packages(packages: object) -> tuple[str, ...]:
    """The requirements, sorted. Raises TypeError and ValueError for what is none."""
    if isinstance(packages, str) or not isinstance(packages, Iterable):
        raise TypeError(f"packages must be a list of requirements, not {packages!r}")
    found: set[str] = set()
    for package in packages:
        if not isinstance(package, str):
            raise TypeError(f"packages must be a list of requirements, not {packages!r}")
        requirement = package.strip()
        if not _REQUIREMENT.fullmatch(requirement):
            raise ValueError(
                f'packages names {package!r}, which is no requirement such as "numpy==2.1" or "numpy>=2,<3"'
            )
        found.add(requirement)
    if not found:
        raise ValueError("packages names nothing: leave it out")
    return tuple(sorted(found))


def open_venv(packages: tuple[str, ...]) -> Venv:
    """The environment with these packages, made if there is none yet, which may take minutes.

    Raises `NotInstalled`.
    """
    own = _own_constraints()
    made_from = _describe(packages, own)
    digest = blake2b(made_from.encode(), digest_size=DIGEST_BYTES).digest()
    venv = Venv(os.path.join(cache_folder(), digest.hex()), digest)
    if not _is_made(venv):
        with _locked(venv, packages):
            if not _is_made(venv):  # another process may have made it meanwhile
                _make(venv, packages, own)
                Path(venv.folder, STAMP).write_text(made_from, "utf-8")
    return venv


def cache_folder() -> str:
    """Where environments are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(root, "elsewhere", "environments")


def _describe(packages: tuple[str, ...], own: tuple[str, ...]) -> str:
    """All that decides what an environment has in it."""
    interpreter = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    return "\n".join(
        (
            f"# {platform.python_implementation()} {platform.python_version()} {platform.machine()}",
            f"# {interpreter}",
            *packages,
            *(f"# with {constraint}" for constraint in own),
            "",
        )
    )


def _own_constraints() -> tuple[str, ...]:
    found: list[str] = []
    for name in OWN:
        try:
            found.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue  # it is there in another way than installed
    return tuple(found)


def _is_made(venv: Venv) -> bool:
    return os.path.exists(os.path.join(venv.folder, STAMP))


@contextmanager
def _locked(venv: Venv, packages: tuple[str, ...]) -> Iterator[None]:
    """Nobody else makes this environment meanwhile. The system unlocks it if this process dies."""
    try:
        os.makedirs(os.path.dirname(venv.folder), 0o700, exist_ok=True)
        lock = os.open(f"{venv.folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotInstalled(packages, str(error), "") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make(venv: Venv, packages: tuple[str, ...], own: tuple[str, ...]) -> None:
    shutil.rmtree(venv.folder, ignore_errors=True)
    uv = uv_command()
    if uv:
        create = [*uv, "venv", "--quiet", "--python", sys.executable, venv.folder]
        install = [*uv, "pip", "install", "--quiet", "--python", venv.python]
    else:
        create = [sys.executable, "-I", "-m", "venv", venv.folder]
        install = [venv.python, "-I", "-m", "pip", "install", "--quiet", "--no-input"]
        install.append("--disable-pip-version-check")
    try:
        _run(create, packages)
        constraints = Path(venv.folder, "constraints.txt")
        constraints.write_text("".join(f"{line}\n" for line in own), "utf-8")
        _run([*install, "--constraint", str(constraints), *packages], packages)
    except BaseException:
        shutil.rmtree(venv.folder, ignore_errors=True)
        raise


def _run(command: list[str], packages: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise NotInstalled(packages, str(error), "") from error
    if done.returncode:
        tool = " ".join(command)
        what = f"it ended with code {done.returncode}: {tool}"
        raise NotInstalled(packages, what, done.stdout.strip())


def uv_command() -> list[str] | None:
    """How to run uv; None where there is none."""
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else None
