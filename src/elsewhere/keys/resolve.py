"""What a name that code reads stands for, now; and the note to look again whether it still does."""

import abc
import builtins
import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.canonical import ATOMS
from elsewhere.keys.names import Import, Read
from elsewhere.keys.origin import PYTHON, file_of, library_of, library_of_module
from elsewhere.keys.references import (
    MODULE_REMEDY,
    check_is_no_lookup,
    library_of_class,
    library_of_thing,
)
from elsewhere.keys.watch import Watch

UNBOUND = object()
"""There is no such name, yet."""
_MISSING = object()


class OfLibrary:
    """Something that a library's version says enough about."""

    def __init__(self, library: str, name: str) -> None:
        check_is_no_lookup(name)
        self.library = library
        self.name = name


def resolve(function: types.FunctionType, read: Read, watch: Watch) -> Any:
    """What `function` gets when it reads: a value, an `OfLibrary` or `UNBOUND`.

    Modules are entered, for only what is used of them counts. Raises `NoKey` for names that find
    things by names made up at run time.
    """
    attributes = list(read.attributes)
    value = _start(function, read, watch)
    library = None
    while isinstance(value, types.ModuleType) and attributes:
        library = library_of(value.__name__, file_of(vars(value)))
        name = attributes.pop(0)
        entered = f"{value.__name__}.{name}"
        value = _attribute(value, name, watch, library, importing=read.kind == "import")
        if value is UNBOUND and library is not None:
            return OfLibrary(library, entered)
    if value is sys.modules:
        raise NoKey("", "any module may be taken from it", MODULE_REMEDY)
    own = library_of_thing(value)
    if library is not None and own is not None and not isinstance(value, types.ModuleType):
        # A package may offer what another one has made.
        both = library if own in (library, PYTHON) else f"{library}, {own}"
        return OfLibrary(both, str(read))
    if attributes and isinstance(value, type):
        return _class_constant(value, attributes[0], watch)
    return value


def _start(function: types.FunctionType, read: Read, watch: Watch) -> Any:
    if read.imported is not None:
        return _imported(function, read.imported, watch)
    if read.kind == "cell":
        place = function.__code__.co_freevars.index(read.name)
        return cell_value((function.__closure__ or ())[place], watch)
    space = function.__globals__
    if read.name in space:
        watch.name(space, read.name, space[read.name])
        return space[read.name]
    watch.no_name(space, read.name)
    found = space.get("__builtins__", builtins)
    inner: Mapping[str, Any] = vars(found) if isinstance(found, types.ModuleType) else found
    if read.name in inner:
        watch.name(inner, read.name, inner[read.name])
        return inner[read.name]
    watch.no_name(inner, read.name)
    return UNBOUND


def cell_value(cell: types.CellType, watch: Watch) -> Any:
    watch.cell(cell)
    try:
        return cell.cell_contents
    except ValueError:
        return UNBOUND


def _imported(function: types.FunctionType, imported: Import, watch: Watch) -> Any:
    name: str = imported.module
    if imported.level:
        package = function.__globals__.get("__package__") or ""
        name = importlib.util.resolve_name("." * imported.level + name, package)
    module = sys.modules.get(name)
    if module is None:
        try:
            library = library_of_module(name)
            if library is not None:
                return OfLibrary(library, ".".join((name, *imported.attributes)))
            # The function would do so itself, and only then can what it uses be read.
            module = importlib.import_module(name)
        except (KeyError, ImportError):
            watch.no_name(sys.modules, name)
            return UNBOUND
        except Exception as error:
            what = f"importing {name} fails ({type(error).__name__}: {error})"
            raise NoKey(
                name, what, "Mend it, or import what the function needs above it"
            ) from error
    watch.name(sys.modules, name, module)
    found: Any = module
    for attribute in imported.attributes:
        library = library_of(module.__name__, file_of(vars(module)))
        found = _attribute(module, attribute, watch, library, importing=True)
        if found is UNBOUND and library is not None:
            return OfLibrary(library, f"{name}.{attribute}")
    return found


def _attribute(
    module: types.ModuleType, name: str, watch: Watch, library: str | None, *, importing: bool
) -> Any:
    space = vars(module)
    if name in space:
        watch.name(space, name, space[name])
        return space[name]
    watch.no_name(space, name)
    if library is not None:
        return UNBOUND
    if importing and hasattr(module, "__path__"):
        inner = f"{module.__name__}.{name}"
        try:
            return importlib.import_module(inner)
        except ModuleNotFoundError as error:
            if error.name != inner:
                raise
    return getattr(module, name, UNBOUND)


def _class_constant(kind: type, name: str, watch: Watch) -> Any:
    """The plain constant that is read of a class, so that the rest of it does not count; or the class."""
    if type(kind) not in (type, abc.ABCMeta) or library_of_class(kind) is not None:
        return kind
    for base in kind.__mro__:
        value = vars(base).get(name, _MISSING)
        if value is not _MISSING:
            plain = type(value) in ATOMS
            break
    else:
        return kind
    if not plain:
        return kind
    for base in kind.__mro__[:-1]:
        watch.mapping(vars(base))
    return value
