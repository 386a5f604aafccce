"""Virtual environments of the peers, under `.bench/`, so that none sees another's packages."""

import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from benchmarks.catalogue import CATALOGUE, Entry

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".bench"
Library = Literal["numpy", "pandas"]
LIBRARIES: Mapping[Library, tuple[str, ...]] = {
    "numpy": ("numpy>=2,<3",),
    # The second is what dask.dataframe needs besides.
    "pandas": ("pandas>=2.2,<4", "pyarrow>=17,<30"),
}
STAMP = "requirements.txt"


def interpreter(entry: Entry) -> Path:
    """Return the Python of a peer, which need not exist."""
    if not entry.requirements:
        return Path(sys.executable)
    return ENVIRONMENTS / entry.name / "bin" / "python"


def library_path(library: Library) -> Path:
    """Return the bare folder of a library, which can be put on any peer's path."""
    return ENVIRONMENTS / library


def install_peers(names: Collection[str]) -> int:
    """Make what is not up to date of the named peers' environments; return the failures."""
    ignore_by_git(ENVIRONMENTS)
    failures = 0
    for entry in CATALOGUE:
        if entry.name in names and entry.requirements:
            failures += not install_if_needed(entry.name, entry.requirements)
    return failures + sum(not install_if_needed(name, LIBRARIES[name]) for name in LIBRARIES)


def install_if_needed(name: str, requirements: Sequence[str]) -> bool:
    """Make one environment unless it is there; return whether it is there afterwards."""
    target = ENVIRONMENTS / name
    # Written last, so that what was interrupted is made anew.
    stamp = target / STAMP
    made_from = "\n".join((f"# Python {platform.python_version()}", *requirements, ""))
    if stamp.exists() and stamp.read_text() == made_from:
        print(f"{name}: up to date", flush=True)
        return True
    shutil.rmtree(target, ignore_errors=True)
    try:
        install(target, requirements)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(target, ignore_errors=True)
        print(f"{name}: not installed, {error}", file=sys.stderr, flush=True)
        return False
    stamp.write_text(made_from)
    print(f"{name}: installed", flush=True)
    return True


def ignore_by_git(made: Path) -> None:
    """Make a folder of which git sees nothing."""
    made.mkdir(parents=True, exist_ok=True)
    (made / ".gitignore").write_text("*\n")


def install(target: Path, requirements: Sequence[str]) -> None:
    """Make an environment; CalledProcessError if a package cannot be had.

    A library's is a bare folder of packages, see `library_path`.
    """
    uv = uv_command()
    is_bare = target.name in LIBRARIES
    python = sys.executable if is_bare else str(target / "bin" / "python")
    if uv:
        create = [*uv, "venv", "--quiet", "--python", sys.executable, str(target)]
        command = [*uv, "pip", "install", "--quiet", "--python", python]
    else:
        create = [sys.executable, "-m", "venv", str(target)]
        command = [python, "-m", "pip", "install", "--quiet"]
    if is_bare:
        command += ["--target", str(target)]
    else:
        subprocess.run(create, check=True)
    subprocess.run([*command, *requirements], check=True)


def uv_command() -> list[str] | None:
    """Return how to run uv, or None where there is none."""
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else None
