"""How complex one source file's functions are: the function that the demo maps over the workers.

The measure is McCabe's cyclomatic complexity: T. J. McCabe, "A Complexity Measure", IEEE Transactions
on Software Engineering SE-2(4), December 1976, pages 308-320. For a structured function it is the
number of decisions plus one (his section V), each condition of a compound predicate counting.

These decide, and add one each: ``if`` and ``elif``, a conditional expression, ``for`` and ``while``, each
``except``, each ``and`` and ``or``, each ``for`` and ``if`` of a comprehension, ``assert``, each ``case`` that can
fail to match, and each guard of a ``case``. An ``else``, a ``finally`` and a ``with`` add nothing: they open no
further path. A nested function or a lambda is a function of its own; a class body belongs to the
function that runs it, as do the decorators, defaults and annotations of what it defines.
"""

import ast
import os
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

FILE_BYTES_MAX = 16 * 2**20


class FailureKind(StrEnum):
    """Why a file could not be parsed."""

    SYNTAX = "invalid syntax"
    ENCODING = "wrong encoding"
    NULL = "null bytes"
    DEPTH = "nested too deeply"
    SIZE = "too large"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to parse: its dotted module name, its path and its size in bytes."""

    module: str
    path: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRecord:
    """One function: its qualified name, where it starts, its length in lines and its complexity."""

    name: str
    line: int
    lines: int
    complexity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRecord:
    """The totals of one module and its functions in the order of their lines."""

    module: str
    path: str
    bytes: int
    lines: int
    classes: int
    statements: int
    functions: tuple[FunctionRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """A file that could not be parsed, and why."""

    module: str
    path: str
    bytes: int
    kind: FailureKind
    message: str


def analyse(source: Source) -> ModuleRecord | FailureRecord:
    """Read, parse and measure one file. A file that cannot be parsed gives a `FailureRecord`."""
    try:
        size = os.stat(source.path).st_size
        if size > FILE_BYTES_MAX:
            raise _TooLarge(f"{size:,} bytes; files of more than {FILE_BYTES_MAX:,} are not read")
        with tokenize.open(source.path) as file:
            text = file.read()
    except (OSError, SyntaxError, UnicodeError, LookupError, _TooLarge) as error:
        return _failure(source, _reading_kind(error), error)
    try:
        tree = _parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _failure(source, _parsing_kind(error), error)
    functions, classes, statements = _measure(tree)
    return ModuleRecord(
        module=source.module,
        path=source.path,
        bytes=size,
        lines=text.count("\n") + (text != "" and not text.endswith("\n")),
        classes=classes,
        statements=statements,
        functions=functions,
    )


class _TooLarge(Exception):
    """The file is larger than `FILE_BYTES_MAX`."""


def _reading_kind(error: Exception) -> FailureKind:
    if isinstance(error, _TooLarge):
        return FailureKind.SIZE
    # tokenize.open raises SyntaxError for an unknown or contradictory encoding declaration, and
    # LookupError for a codec that is not for text.
    return FailureKind.UNREADABLE if isinstance(error, OSError) else FailureKind.ENCODING


def _parsing_kind(error: Exception) -> FailureKind:
    # CPython's parser answers with MemoryError when its own stack is full, and its tokeniser with
    # "too many nested parentheses" or "too many levels of indentation".
    if isinstance(error, (RecursionError, MemoryError)) or "too many" in str(error):
        return FailureKind.DEPTH
    if isinstance(error, UnicodeError):
        return FailureKind.ENCODING
    # Null bytes are a ValueError before Python 3.12 and a SyntaxError since.
    return FailureKind.NULL if "null byte" in str(error) else FailureKind.SYNTAX


def _parse(text: str) -> ast.Module:
    # Other people's invalid escapes and `is` with literals are not this program's to warn about.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _failure(source: Source, kind: FailureKind, error: Exception) -> FailureRecord:
    message = str(error) or type(error).__name__
    if isinstance(error, SyntaxError):
        message = error.msg if error.lineno is None else f"{error.msg} (line {error.lineno})"
    return FailureRecord(
        module=source.module,
        path=source.path,
        bytes=source.bytes,
        kind=kind,
        # The path is told already; tokenize.open repeats it.
        message=message.replace(f" for {source.path!r}", ""),
    )


_DECISIONS = frozenset(
    {
        ast.If,
        ast.IfExp,
        ast.For,
        ast.AsyncFor,
        ast.While,
        ast.ExceptHandler,
        ast.comprehension,
        ast.Assert,
    }
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# Fields that never hold a decision, a function, a class or a statement; skipping them halves the walk.
_LEAF_FIELDS = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "kind", "type_comment", "names"})
# The other fields of each type of node, found out once per process.
_fields: dict[type[ast.AST], tuple[str, ...]] = {}


@dataclass(slots=True, kw_only=True)
class _Scope:
    """A function, or a module (then ``node`` is None), whose decisions are being counted."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None
    name: str
    decisions: int = 0


def _measure(tree: ast.Module) -> tuple[tuple[FunctionRecord, ...], int, int]:
    """Walk the tree without recursion, so that its depth does not matter."""
    scopes = [_Scope(node=None, name="")]
    bodies: list[tuple[list[ast.AST], str, _Scope]] = [(list(tree.body), "", scopes[0])]
    classes = statements = 0
    while bodies:
        stack, prefix, scope = bodies.pop()
        while stack:
            node = stack.pop()
            statements += isinstance(node, ast.stmt)
            scope.decisions += _decisions(node)
            if isinstance(node, _FUNCTIONS):
                name = prefix + getattr(node, "name", "<lambda>")
                inner = _Scope(node=node, name=name)
                scopes.append(inner)
                bodies.append((_body(node), f"{name}.<locals>.", inner))
                stack.extend(_outside_body(node))
            elif isinstance(node, ast.ClassDef):
                classes += 1
                bodies.append((list(node.body), f"{prefix}{node.name}.", scope))
                stack.extend(_outside_body(node))
            else:
                stack.extend(_children(node))
    functions = [_function(scope) for scope in scopes if scope.node is not None]
    functions.sort(key=lambda function: function.line)
    return tuple(functions), classes, statements


def _decisions(node: ast.AST) -> int:
    if type(node) in _DECISIONS:
        return 1 + (len(node.ifs) if isinstance(node, ast.comprehension) else 0)
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.match_case):
        return (not _irrefutable(node.pattern)) + (node.guard is not None)
    return 0


def _irrefutable(pattern: ast.pattern) -> bool:
    """Whether a pattern matches anything: ``_``, a bare name, or either of them with ``as``."""
    if isinstance(pattern, ast.MatchOr):
        return _irrefutable(pattern.patterns[-1])
    return isinstance(pattern, ast.MatchAs) and (
        pattern.pattern is None or _irrefutable(pattern.pattern)
    )


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.AST]:
    return [node.body] if isinstance(node, ast.Lambda) else list(node.body)


def _outside_body(node: ast.AST) -> Iterator[ast.AST]:
    """What a definition evaluates where it stands: decorators, defaults, annotations, bases."""
    for field, value in ast.iter_fields(node):
        if field == "body":
            continue
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, ast.AST))


def _children(node: ast.AST) -> list[ast.AST]:
    children: list[ast.AST] = []
    kind = type(node)
    fields = _fields.get(kind)
    if fields is None:
        fields = tuple(field for field in node._fields if field not in _LEAF_FIELDS)
        _fields[kind] = fields
    for field in fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            children.extend([item for item in value if isinstance(item, ast.AST)])
        elif isinstance(value, ast.AST):
            children.append(value)
    return children


def _function(scope: _Scope) -> FunctionRecord:
    node = scope.node
    assert node is not None
    last = node.end_lineno or node.lineno
    return FunctionRecord(
        name=scope.name,
        line=node.lineno,
        lines=last - node.lineno + 1,
        complexity=1 + scope.decisions,
    )
