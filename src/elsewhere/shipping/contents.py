"""What a module of the user's consists of: read once for each time that it was loaded."""

import os
import sys
import time
from importlib.machinery import BYTECODE_SUFFIXES, ModuleSpec
from typing import Any, NamedTuple

from elsewhere.calls.shipment import Form
from elsewhere.keys.origin import file_of, is_extension, library_of, library_of_module
from elsewhere.shipping.reloads import RELOADS
from elsewhere.shipping.specs import Sign, parents, sign_of, spec_of
from elsewhere.shipping.stock import STOCK

SETTLED_SECONDS = 2.0
"""A file that was written to more lately may be written to again without its time showing it."""
NO_MODULES = ("__main__", "__mp_main__")


class Content(NamedTuple):
    """What is known of a module without running it."""

    name: str
    form: Form
    path: str
    folders: tuple[str, ...] | None
    blob: bytes
    size: int
    modified_ns: int
    data: bytes


class Contents:
    """The contents of modules. One that is loaded keeps its content until it is loaded again, whatever
    becomes of its file; of one that is not, the file counts."""

    def __init__(self) -> None:
        self._loaded: dict[str, tuple[ModuleSpec, Content | None]] = {}
        """by name: the content, and the spec by which it was loaded"""
        self._waiting: dict[str, tuple[Sign, Content | None]] = {}
        """by name, of modules that are not loaded: the content, and the state of its file"""

    def find(self, name: str) -> Content | None:
        """The content of a module of the user's; None if there is none that could be read."""
        spec = spec_of(name)
        if spec is None:
            return None
        if name in sys.modules:
            loaded = self._loaded.get(name)
            if loaded is None or loaded[0] is not spec:
                loaded = self._loaded[name] = spec, _read(name, spec)
            return loaded[1]
        sign = sign_of(spec)
        waiting = self._waiting.get(name)
        if waiting is None or waiting[0] != sign:
            waiting = self._waiting[name] = sign, _read(name, spec)
        return waiting[1]


def users_modules() -> list[str]:
    """The names of the modules of the user's own that are loaded here."""
    found = []
    for name, module in list(sys.modules.items()):
        space = getattr(module, "__dict__", None)
        if not isinstance(space, dict) or name in NO_MODULES or space.get("__name__") != name:
            continue
        if any(package not in sys.modules for package in parents(name)):
            continue  # nobody can import it as it is
        if library_of(name, file_of(space)) is None:
            found.append(name)
    return found


def is_users(name: str) -> bool:
    """Whether there is such a module, and it is the user's own."""
    try:
        return name not in NO_MODULES and library_of_module(name) is None
    except (KeyError, ImportError):
        return False


def _read(name: str, spec: ModuleSpec) -> Content | None:
    locations = spec.submodule_search_locations
    folders = None if locations is None else tuple(locations)
    if spec.origin is None and folders is not None:
        return Content(name, Form.NAMESPACE, "", folders, b"", 0, 0, b"")
    path = spec.origin or ""
    size = modified_ns = 0
    data = RELOADS.contents.get(name)
    try:
        found = os.stat(path)
        with open(path, "rb") as file:
            now = file.read()
    except OSError:
        data = _text_of(name, spec.loader) if data is None else data
    else:
        size = found.st_size
        # One that was written to since it was loaded again says nothing about what was loaded.
        if data in (None, now) and time.time() - found.st_mtime > SETTLED_SECONDS:
            modified_ns = found.st_mtime_ns
        data = now if data is None else data
    if data is None:
        return None
    form = Form.TEXT
    if is_extension(path):
        form = Form.EXTENSION
    elif path.endswith(tuple(BYTECODE_SUFFIXES)):
        form = Form.BYTECODE
    blob = STOCK.add_content(data)
    return Content(name, form, path, folders, blob, size, modified_ns, data)


def _text_of(name: str, loader: Any) -> bytes | None:
    """What a loader says is the text of a module that has no file of its own, or not any more."""
    try:
        text: str | None = loader.get_source(name)
    except (AttributeError, ImportError, OSError):
        return None
    return None if text is None else text.encode()
