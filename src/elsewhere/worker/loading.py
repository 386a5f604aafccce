"""Loads a module of the user's: from the file that it came from, or from its content."""

import linecache
import os
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourcelessFileLoader
from importlib.util import decode_source, spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from elsewhere.blobs.peers import NotServed
from elsewhere.calls.shipment import Form, Module
from elsewhere.plans.host import PROCESS


def spec_for(module: Module, path_of: Callable[[bytes], str]) -> ModuleSpec | None:
    """How to load it; `path_of` gives a file with the content of a blob. Raises ImportError."""
    folders = None if module.folders is None else list(module.folders)
    if module.form is Form.NAMESPACE:
        spec = ModuleSpec(module.name, None, is_package=True)
        spec.submodule_search_locations = folders
        return spec
    if _is_here(module):
        linecache.cache.pop(module.path, None)
        return spec_from_file_location(module.name, module.path, submodule_search_locations=folders)
    try:
        content = path_of(module.blob)
    except NotServed as error:
        raise ImportError(f"its content is not to be had: {error}", name=module.name) from error
    loader: Any
    if module.form is Form.EXTENSION:
        loader = ExtensionFileLoader(module.name, content)
    elif module.form is Form.BYTECODE:
        loader = SourcelessFileLoader(module.name, content)
    else:
        with open(content, "rb") as file:
            loader = TextLoader(module, file.read())
    return spec_from_file_location(
        module.name, module.path, loader=loader, submodule_search_locations=folders
    )


class TextLoader:
    """Loads a module from its text, which lies in no file that it could be imported from."""

    def __init__(self, module: Module, data: bytes) -> None:
        self._module = module
        self._data = data

    def create_module(self, spec: ModuleSpec) -> None:
        """As `importlib.abc.Loader.create_module`: a module as any other."""

    def exec_module(self, module: ModuleType) -> None:
        """As `importlib.abc.Loader.exec_module`."""
        lines = self.get_source(self._module.name).splitlines(keepends=True)
        # Its file may be there and say something else. An entry without a time is not compared to it.
        linecache.cache[self._module.path] = (len(self._data), None, lines, self._module.path)
        exec(self.get_code(self._module.name), vars(module))

    def get_code(self, name: str) -> CodeType:
        """As `importlib.abc.InspectLoader.get_code`."""
        code: CodeType = compile(self._data, self._module.path, "exec", dont_inherit=True)
        return code

    def get_source(self, name: str) -> str:
        """As `importlib.abc.InspectLoader.get_source`."""
        return decode_source(self._data)

    def get_filename(self, name: str) -> str:
        """As `importlib.abc.ExecutionLoader.get_filename`."""
        return self._module.path

    def is_package(self, name: str) -> bool:
        """As `importlib.abc.InspectLoader.is_package`."""
        return self._module.folders is not None


def _is_here(module: Module) -> bool:
    """Whether the file that a module was imported from is here, and says the same."""
    if not PROCESS.sees_files:
        return False
    try:
        found = os.stat(module.path)
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (module.size, module.modified_ns)
