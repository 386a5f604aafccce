"""How functions, classes and modules are named: by their library, or by following what they are."""

import functools
import sys
import types
from typing import Any

from elsewhere.errors import NoKey
from elsewhere.keys.canonical import Write, Writer
from elsewhere.keys.compiled import compiled
from elsewhere.keys.origin import file_of, library_of

_MISSING = object()
_DESCRIPTORS = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
MODULE_REMEDY = (
    "Name what is used of it, such as helpers.scale, so that it can be followed; "
    "or keep the candidates in a dict"
)
_LOOKUPS = frozenset((
    "builtins.__import__", "builtins.eval", "builtins.exec", "builtins.globals",
    "importlib.__import__", "importlib.import_module", "importlib.reload", "inspect.currentframe",
    "inspect.stack", "pkgutil.resolve_name", "runpy.run_module", "runpy.run_path", "sys._getframe",
))  # fmt: skip
_LOOKUP_MODULES = frozenset(("builtins", "importlib", "sys"))
LOOKUP_REMEDY = "Name what the function uses, keep the candidates in a dict, or pass them"


def check_is_no_lookup(name: str) -> None:
    """`NoKey` for what finds or runs things that no name in the code leads to."""
    if name in _LOOKUPS:
        raise NoKey("", f"what {name} finds or runs is not named in the code", LOOKUP_REMEDY)


def write_reference(writer: Writer, value: Any, follow: Write) -> str | None:
    """Write what a library defines by its version, which is returned, and `follow` all else."""
    if isinstance(value, types.ModuleType):
        return _write_module(writer, value)
    if isinstance(value, types.FunctionType):
        library = library_of_function(value)
        if library is not None and is_found(value, value.__globals__.get("__name__")):
            return _write_name(writer, library, value)
        follow(writer, value)
    elif isinstance(value, type):
        library = library_of_class(value)
        if library is not None:
            return _write_name(writer, library, value)
        follow(writer, value)
    elif isinstance(value, functools._lru_cache_wrapper):
        writer.out.append(b"*")
        writer.write_at(".__wrapped__", value.__wrapped__)
    elif isinstance(value, _DESCRIPTORS):
        writer.out.append(b";")
        writer.write_at(".__objclass__", value.__objclass__)
        writer.text(value.__name__)
    else:
        return _write_builtin(writer, value)
    return None


def _write_name(writer: Writer, library: str, value: Any) -> str:
    check_is_no_lookup(f"{value.__module__}.{value.__qualname__}")
    writer.out.append(b"l")
    writer.text(library)
    writer.text(f"{value.__module__}.{value.__qualname__}")
    return library


def _write_module(writer: Writer, value: types.ModuleType) -> str:
    library = library_of(value.__name__, file_of(vars(value)))
    if library is None:
        what = f"the module {value.__name__} is the user's own, and any name of it could be meant"
        raise NoKey("", what, MODULE_REMEDY)
    if value.__name__ in _LOOKUP_MODULES:
        what = f"whatever is taken of the module {value.__name__} may find or run anything"
        raise NoKey("", what, MODULE_REMEDY)
    writer.out.append(b"L")
    writer.text(library)
    writer.text(value.__name__)
    return library


def _write_builtin(writer: Writer, value: Any) -> str | None:
    owner = value.__self__
    library = library_of_method(value)
    if library is not None:
        return _write_name(writer, library, value)
    if owner is not None and not isinstance(owner, types.ModuleType):
        # A method of an object, such as {}.get, or of a class, such as dict.fromkeys.
        writer.out.append(b"n")
        writer.write_at(".__self__", owner)
        writer.text(value.__name__)
        return None
    module = value.__module__ or "builtins"
    # The builtin functions of a module that nobody has imported, such as those of _operator.
    space = vars(sys.modules[module]) if module in sys.modules else {}
    library = library_of(module, file_of(space))
    if library is None:
        library = compiled(module, file_of(space))
    return _write_name(writer, library, value)


def library_of_function(function: types.FunctionType) -> str | None:
    space = function.__globals__
    name = space.get("__name__")
    if not isinstance(name, str) or name == "__main__":
        return None
    if function.__code__.co_filename == "<string>" and name not in sys.modules:
        return None  # made by namedtuple and the like, in a namespace of its own
    return library_of(name, file_of(space))


def library_of_class(kind: type) -> str | None:
    name = kind.__module__
    if name == "__main__":
        return None
    module = sys.modules.get(name)
    return library_of(name, None if module is None else file_of(vars(module)))


def is_found(function: Any, module: object) -> bool:
    """Whether looking up its name in its module gives the function, or the class, itself."""
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    if found is None:
        return False
    if vars(found).get(function.__name__) is function:
        return True
    for part in function.__qualname__.split("."):
        found = vars(found).get(part, _MISSING) if hasattr(found, "__dict__") else _MISSING
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    return found is function


def library_of_method(method: Any) -> str | None:
    """The library of a method that a module offers as a function of its own, such as random.random.

    What the object behind it holds says as little about it as any other state of the library.
    """
    kind = type(method.__self__)
    library = library_of_class(kind)
    module = sys.modules.get(str(kind.__module__))
    if library is None or getattr(module, method.__name__, None) != method:
        return None
    return library


def library_of_thing(value: Any) -> str | None:
    """The library of anything that a library's module holds; None: the user has put it there."""
    owner = getattr(value, "__self__", None)
    if owner is None or isinstance(owner, types.ModuleType):
        owner = getattr(value, "func", value)
    if isinstance(owner, types.FunctionType):
        return library_of_function(owner)
    return library_of_class(owner if isinstance(owner, type) else type(owner))
