"""Whose a module is: the user's own, the standard library's, or that of an installed distribution.

Installed means: described by a ``.dist-info`` beside it (or an ``.egg-info``, in a folder of packages).
An editable installation is described elsewhere than where its code lies, so it is the user's own.
"""

import importlib.util
import json
import sys
import sysconfig
from functools import cache
from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

PYTHON = "Python {}.{}".format(*sys.version_info)
OURS = "elsewhere"
_PACKAGES = ("site-packages", "dist-packages")
_STANDARD = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib")}
)


def library_of(name: str, file: str | None) -> str | None:
    """The library that module `name` in `file` is of, such as "numpy 2.4.6"; None: the user's own.

    The standard library is "Python 3.11", whichever patch release. This package itself is named
    without its version, for what it does with a function does not change what the function gives.
    """
    top = name.partition(".")[0]
    if top == OURS:
        return OURS
    if top in sys.stdlib_module_names and (file is None or _is_standard(file)):
        return PYTHON
    return None if file is None else _distribution_of(name, file)


def library_of_module(name: str) -> str | None:
    """As `library_of`, for a module that need not be imported. KeyError: there is no such module."""
    module = sys.modules.get(name)
    if module is not None:
        return library_of(name, file_of(vars(module)))
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        spec = None
    if spec is None:
        raise KeyError(name)
    places = list(spec.submodule_search_locations or ())
    file = spec.origin if spec.has_location else f"{places[0]}/__init__.py" if places else None
    return library_of(top, file)


def file_of(space: dict[str, Any]) -> str | None:
    """Where a module with this namespace comes from, if it is a file."""
    file = space.get("__file__")
    if isinstance(file, str):
        return file
    # A package without __init__ has folders and no file.
    places = [*space.get("__path__", ())]
    return f"{places[0]}/__init__.py" if places else None


def is_extension(file: str | None) -> bool:
    return file is not None and file.endswith(tuple(EXTENSION_SUFFIXES))


@cache
def _is_standard(file: str) -> bool:
    path = Path(file).resolve()
    if any(part in _PACKAGES for part in path.parts):
        return False
    # Frozen modules say where they were frozen from.
    return file.startswith("<") or any(path.is_relative_to(place) for place in _STANDARD)


@cache
def _distribution_of(name: str, file: str) -> str | None:
    path = Path(file)
    inner = path.stem == "__init__" or path.name.startswith("__init__.")
    depth = name.count(".") + inner
    root = path.parents[depth] if depth < len(path.parents) else path.parent
    owners = _owners(str(root)).get(name.partition(".")[0], [])
    if not owners:
        return None
    relative = path.relative_to(root).as_posix()
    exact = [owner for owner in owners if relative in _recorded(owner)]
    return ", ".join(sorted({_identity(owner) for owner in exact or owners}))


@cache
def _owners(root: str) -> dict[str, list[Distribution]]:
    """The distributions in a folder by the names that are imported from them."""
    found: dict[str, list[Distribution]] = {}
    for distribution in distributions(path=[root]):
        described = Path(str(getattr(distribution, "_path", "")))
        if described.suffix != ".dist-info" and Path(root).name not in _PACKAGES:
            continue
        for top in _tops(distribution):
            found.setdefault(top, []).append(distribution)
    return found


def _tops(distribution: Distribution) -> set[str]:
    listed = (distribution.read_text("top_level.txt") or "").split()
    recorded = {
        file.partition("/")[0].partition(".")[0]
        for file in _recorded(distribution)
        if not file.startswith("..")
    }
    return {*listed, *recorded}


@cache
def _recorded(distribution: Distribution) -> frozenset[str]:
    return frozenset(file.as_posix() for file in distribution.files or ())


@cache
def _identity(distribution: Distribution) -> str:
    version = f"{distribution.metadata['Name']} {distribution.version}"
    said = distribution.read_text("direct_url.json")
    if said is None:
        return version
    # Installed from a folder or a repository, where one version may have had many contents.
    commit = json.loads(said).get("vcs_info", {}).get("commit_id")
    return f"{version} ({commit or _content(distribution)})"


def _content(distribution: Distribution) -> str:
    hashes = sorted(
        f"{file.as_posix()} {file.hash.value}"
        for file in distribution.files or ()
        if file.hash is not None and not file.as_posix().startswith("..")
        if ".dist-info/" not in file.as_posix()
    )
    return blake2b("\n".join(hashes).encode(), digest_size=16).hexdigest()
