"""The names that code reads from outside itself, with the attributes that it reads of them at once.

Read from the code and not from its text, because the compiler has decided which name is whose.
"""

import dis
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

READS_MAX = 4096
"""functions whose names are kept"""
_SILENT = frozenset(("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "PRECALL", "RESUME"))
_ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD"))
_GLOBALS = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"))
_CELLS = frozenset(("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"))
_BY_NAME = (("LOAD_GLOBAL", "getattr"), ("LOAD_GLOBAL", "hasattr"))
_IMPORT_NAME = dis.opmap["IMPORT_NAME"]
_OF_FUNCTION = 1
"""the bit of ``co_flags`` that the code of functions has and that of modules and classes has not"""
_SPELLINGS = {"LOAD_FAST_CHECK": "LOAD_FAST", "LOAD_FAST_BORROW": "LOAD_FAST"}


class Import(NamedTuple):
    """An import inside a function: ``from ..a import b`` is (2, "a", ("b",))."""

    level: int
    module: str
    attributes: tuple[str, ...] = ()


class Read(NamedTuple):
    """A name and the attributes read of it: ``helpers.scale`` is ("global", "helpers", ("scale",)).

    `kind` is "global", "cell" or "import"; of an import, `imported` says what the name was bound to.
    """

    kind: str
    name: str
    attributes: tuple[str, ...] = ()
    imported: Import | None = None

    def __str__(self) -> str:
        return ".".join((self.name, *self.attributes))


Step: TypeAlias = tuple[str, object]
Bound: TypeAlias = dict[str, Import]


class Imported(NamedTuple):
    """An import statement, and whether it runs with the module, or only with a function of it."""

    what: Import
    at_once: bool


def imports_of(code: types.CodeType) -> Iterator[Imported]:
    """Every import statement in the code of a module or function, and in code inside it.

    ``from ..a import b, c`` is (2, "a", ("b", "c")).
    """
    at_once = not code.co_flags & _OF_FUNCTION
    if _IMPORT_NAME in code.co_code[::2]:
        steps = list(_steps(code))
        for place, (name, module) in enumerate(steps):
            if name == "IMPORT_NAME":
                yield Imported(_import_at(steps, place, str(module)), at_once)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            for found in imports_of(constant):
                yield found._replace(at_once=found.at_once and at_once)


def _import_at(steps: list[Step], place: int, module: str) -> Import:
    level, names = steps[place - 2][1], steps[place - 1][1]
    taken = tuple(map(str, names)) if isinstance(names, tuple) else ()
    return Import(level if isinstance(level, int) else 0, module, taken)


@lru_cache(READS_MAX)
def reads_of(code: types.CodeType) -> tuple[Read, ...]:
    """Everything that the code, and code inside it, reads from outside; in the order of the names."""
    return tuple(sorted(set(_reads(code, {}, frozenset(code.co_freevars))), key=repr))


def _reads(code: types.CodeType, outer: Bound, free: frozenset[str]) -> Iterator[Read]:
    steps = list(_steps(code))
    bound = dict(outer)
    # First all imports: a loop may read a name above the line that binds it.
    for place, (name, _) in enumerate(steps):
        if name == "IMPORT_NAME":
            yield from _imports(steps, place, bound)
    cells = {*code.co_cellvars, *code.co_freevars}
    for place, (name, argument) in enumerate(steps):
        if name == "LOAD_FAST" and argument in cells:
            continue  # the cell itself, on its way into a function that is made here
        read = _read_at(name, str(argument), bound, free)
        if read is not None:
            yield read._replace(attributes=_attributes(steps, place))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            # What the inner code takes from here is not free for the function as a whole.
            inner = free & frozenset(constant.co_freevars)
            own = {*constant.co_varnames, *constant.co_cellvars}
            visible = {name: what for name, what in bound.items() if name not in own}
            yield from _reads(constant, visible, inner)


def _read_at(step: str, name: str, bound: Bound, free: frozenset[str]) -> Read | None:
    if step in _GLOBALS:
        return _local_import(name, bound) if name in bound else Read("global", name)
    if step in _CELLS and name in free:
        return Read("cell", name)
    if step in _CELLS or step == "LOAD_FAST":
        return _local_import(name, bound)
    return None


def _local_import(name: str, bound: Bound) -> Read | None:
    imported = bound.get(name)
    return None if imported is None else Read("import", name, (), imported)


def _attributes(steps: list[Step], place: int) -> tuple[str, ...]:
    found = []
    for name, argument in steps[place + 1 :]:
        if name not in _ATTRIBUTES:
            break
        found.append(str(argument))
    if not found and 0 < place < len(steps) - 1:
        # getattr(helpers, "scale") says as much as helpers.scale.
        (step, constant), *rest = steps[place + 1 : place + 4]
        is_whole = any(name.startswith("CALL") for name, _ in rest[:1]) or (
            len(rest) > 1 and rest[0][0] == "LOAD_CONST" and rest[1][0].startswith("CALL")
        )
        if steps[place - 1] in _BY_NAME and step == "LOAD_CONST" and is_whole:
            return (constant,) if isinstance(constant, str) else ()
    return tuple(found)


def _imports(steps: list[Step], place: int, bound: Bound) -> Iterator[Read]:
    """Note what the import at `place` binds in `bound`, and give what is imported and not bound."""
    module = str(steps[place][1])
    names = steps[place - 1][1]
    whole = _import_at(steps, place, module)._replace(attributes=())
    # An import runs the module, whether or not anything of it is used.
    yield Read("import", module.partition(".")[0], ("__name__",), whole)
    taken: list[str] = []
    for name, argument in steps[place + 1 :]:
        if name == "IMPORT_FROM":
            taken.append(str(argument))
        elif name.startswith("STORE_"):
            if names:
                bound[str(argument)] = Import(whole.level, module, tuple(taken[-1:]))
                continue
            # `import a.b` binds a; `import a.b as c` binds a.b.
            bound[str(argument)] = whole if taken else Import(0, module.partition(".")[0])
            return
        elif name not in ("SWAP", "POP_TOP") or (names and name == "POP_TOP"):
            return


def _steps(code: types.CodeType) -> Iterator[Step]:
    for step in dis.get_instructions(code):
        if step.opname in _SILENT or step.opname == "PUSH_NULL":
            continue
        name = step.opname
        if isinstance(step.argval, tuple) and "_FAST_" in name:
            # Two steps in one, such as LOAD_FAST_LOAD_FAST.
            yield from zip(_halves(name), step.argval, strict=True)
        else:
            yield _SPELLINGS.get(name, name), step.argval


def _halves(name: str) -> tuple[str, str]:
    first, second = name.split("_FAST_")[:2]
    return f"{first}_FAST", f"{second.removesuffix('_FAST').removesuffix('_BORROW')}_FAST".replace(
        "BORROW_", ""
    )
