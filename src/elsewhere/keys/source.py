"""The text of a function without what does not change what it does.

The text is taken from its file (or from the cell of a notebook, or from a terminal that keeps what was typed)
and believed only if compiling it gives the very code that runs: a file may have been edited since it was
imported. Where there is no such text the code itself stands for it; then the layout of lines may
count, comments never.
"""

import ast
import copy
import dis
import linecache
import types
from hashlib import blake2b
from typing import Any, TypeAlias

FunctionTree: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
TEXTS_MAX = 4096
"""functions whose texts are kept"""
_FUTURES = 0x1FE0000
"""the bits of ``co_flags`` that ``from __future__ import`` sets"""
_MEANT = 0x2AC
"""those that say what arguments it takes, and whether it is a generator or asynchronous"""
_SILENT = frozenset(("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "PRECALL", "RESUME"))


def text_of(code: types.CodeType, space: dict[str, Any]) -> bytes:
    """What a function with this code says, without its comments, docstrings, annotations and layout,
    and without its decorators and defaults, which count as what they have become.

    `space` holds the globals of the function.
    """
    # Equal code of two files may have source in one of them only.
    place = code, code.co_filename
    known = _texts.get(place)
    if known is None:
        tree = tree_of(code, space)
        said = _code_text(code) if tree is None else ast.dump(_Normal().root(tree))
        known = f"{'code' if tree is None else 'text'} {said}".encode("utf-8", "surrogatepass")
        if len(_texts) >= TEXTS_MAX:
            _texts.clear()
        _texts[place] = known
    return known


def tree_of(code: types.CodeType, space: dict[str, Any]) -> FunctionTree | None:
    """The syntax tree of the function, or None where there is no source that gives this code."""
    filename = code.co_filename
    linecache.checkcache(filename)
    lines = linecache.getlines(filename, space)
    if not lines:
        return None
    source = "".join(lines)
    known = _files.get(filename)
    if known is None or known.digest != blake2b(source.encode("utf-8", "surrogatepass")).digest():
        known = _files[filename] = _File(source, filename)
    return known.find(code)


class _File:
    """One source file: its functions, and what compiling it gives."""

    def __init__(self, source: str, filename: str) -> None:
        self.digest = blake2b(source.encode("utf-8", "surrogatepass")).digest()
        self._filename = filename
        self._trees: dict[tuple[str, int], list[FunctionTree]] = {}
        self._codes: dict[int, set[types.CodeType]] = {}
        try:
            self._tree = ast.parse(source, filename)
        except (SyntaxError, ValueError):
            return  # it has been edited since, and is not finished
        for node in ast.walk(self._tree):
            if isinstance(node, FunctionTree):
                self._trees.setdefault(_place(node), []).append(node)

    def find(self, code: types.CodeType) -> FunctionTree | None:
        trees = self._trees.get((code.co_name, code.co_firstlineno))
        if not trees or code not in self._compiled(code.co_flags & _FUTURES):
            return None
        return trees[0] if len(trees) == 1 else _smallest(trees, code)

    def _compiled(self, flags: int) -> set[types.CodeType]:
        if flags not in self._codes:
            whole = compile(self._tree, self._filename, "exec", flags=flags, dont_inherit=True)
            self._codes[flags] = set(_all_codes(whole))
        return self._codes[flags]


_files: dict[str, _File] = {}
_texts: dict[tuple[types.CodeType, str], bytes] = {}


def _place(node: FunctionTree) -> tuple[str, int]:
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    return node.name, node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _all_codes(code: types.CodeType) -> list[types.CodeType]:
    found = [code]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += _all_codes(constant)
    return found


def _smallest(trees: list[FunctionTree], code: types.CodeType) -> FunctionTree | None:
    """Which of several functions of one name on one line it is: the smallest that holds the code."""
    places = [place for place in code.co_positions() if None not in place and place[3]]
    begin = min(((line, column) for line, _, column, _ in places), default=None)
    end = max(((line, column) for _, line, _, column in places), default=None)
    if begin is None or end is None:
        return None
    holding = [tree for tree in trees if _begin(tree) <= begin and end <= _end(tree)]
    return min(holding, key=lambda tree: len(ast.dump(tree)), default=None)


def _begin(tree: FunctionTree) -> tuple[int, int]:
    first = tree.body if isinstance(tree, ast.Lambda) else tree.body[0]
    return first.lineno, first.col_offset


def _end(tree: FunctionTree) -> tuple[int, int]:
    last = tree.body if isinstance(tree, ast.Lambda) else tree.body[-1]
    return last.end_lineno or 0, last.end_col_offset or 0


class _Normal(ast.NodeTransformer):
    """Leaves out what does not count."""

    def root(self, tree: FunctionTree) -> FunctionTree:
        tree = copy.deepcopy(tree)
        tree.args.defaults = []
        tree.args.kw_defaults = []
        if not isinstance(tree, ast.Lambda):
            tree.decorator_list = []
        changed: FunctionTree = self.visit(tree)
        return changed

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            steps = getattr(node, name, None)
            if isinstance(steps, list) and steps:
                kept = [step for step in steps if not _is_idle(step)]
                setattr(node, name, kept or ([ast.Pass()] if name == "body" else []))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_types(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_types(node)

    def _without_types(self, node: Any) -> ast.AST:
        node.returns = node.type_comment = None
        node.type_params = []
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        # Annotations of a class make fields, so they stay.
        for step in node.body:
            if isinstance(step, ast.AnnAssign):
                step.annotation = _Kept(value=step.annotation)
        return self.generic_visit(node)

    def visit__Kept(self, node: "_Kept") -> Any:
        return node.value

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = node.type_comment = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        kept = isinstance(node.annotation, _Kept)
        self.generic_visit(node)
        if kept:
            return node
        if node.value is not None:
            return ast.Assign(targets=[node.target], value=node.value)
        node.annotation = ast.Constant(None)  # it still makes the name a local one
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        node.kind = None
        return node


class _Kept(ast.expr):
    """An annotation that stays."""

    _fields = ("value",)
    value: ast.expr

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


def _is_idle(step: ast.stmt) -> bool:
    return isinstance(step, ast.Pass) or (
        isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)
    )


def _code_text(code: types.CodeType) -> str:
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SILENT]
    places = _places(code, steps)
    lines = [
        repr((code.co_name, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)),
        repr((code.co_flags & _MEANT, code.co_varnames, code.co_cellvars, code.co_freevars)),
        *(f"{step.opname} {_argument(step, places)}" for step in steps),
    ]
    for entry in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined]  # typeshed lacks it
        begin, end, target = (places[place] for place in (entry.start, entry.end, entry.target))
        lines.append(repr((begin, end, target, entry.depth, entry.lasti)))
    return "\n".join(lines)


def _places(code: types.CodeType, steps: list[dis.Instruction]) -> dict[int, int]:
    """For each offset the number of the first step at it or after it."""
    places: dict[int, int] = {}
    next_offset = 0
    for number, step in enumerate(steps):
        while next_offset <= step.offset:
            places[next_offset] = number
            next_offset += 2
    while next_offset <= len(code.co_code):
        places[next_offset] = len(steps)
        next_offset += 2
    return places


def _argument(step: dis.Instruction, places: dict[int, int]) -> str:
    if step.opcode in dis.hasjabs or step.opcode in dis.hasjrel:
        return f"to {places[step.argval]}"
    return _constant_text(step.argval) if step.arg is not None else ""


def _constant_text(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return f"({_code_text(value)})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_constant_text, value)))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant_text, value))})"
    return f"{type(value).__name__} {value!r}"
