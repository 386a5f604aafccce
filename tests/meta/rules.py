"""The habits of this code, each a rule that reads one file and tells where it is broken.

A rule yields (line, what is wrong). `RULES` says which rule holds in which files; `test_rules.py`
shows for each what breaks it and what does not.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tests.meta.tree import Source

Finding: TypeAlias = tuple[int, str]
Check: TypeAlias = Callable[[Source], Iterator[Finding]]

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Rule:
    check: Check
    # A file is checked if its path starts with one of `inside` and with none of `outside`.
    inside: tuple[str, ...] = ("",)
    outside: tuple[str, ...] = ()

    def holds_in(self, path: str) -> bool:
        return path.startswith(self.inside) and not (self.outside and path.startswith(self.outside))


def file_is_short(source: Source) -> Iterator[Finding]:
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield FILE_LINES_MAX + 1, f"{lines} lines; at most {FILE_LINES_MAX}: which noun is hiding?"


def functions_are_short(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if not isinstance(node, _FUNCTION):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield node.lineno, f"{node.name} has {lines} lines; at most {FUNCTION_LINES_MAX}"


def nothing_sleeps(source: Source) -> Iterator[Finding]:
    names = {"time.sleep", "asyncio.sleep"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"time", "asyncio"}:
            if any(alias.name == "sleep" for alias in node.names):
                yield node.lineno, f"imports sleep from {node.module}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in names:
            yield node.lineno, f"{ast.unparse(node)}: wait for what happens, not for a time"


def every_test_can_fail(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if not isinstance(node, _FUNCTION) or not node.name.startswith("test_"):
            continue
        if not any(_can_fail(inner) for inner in ast.walk(node)):
            yield node.lineno, f"nothing in {node.name} can fail"


def _can_fail(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        return name in {
            "pytest.raises",
            "pytest.warns",
            "pytest.fail",
            "raises",
        } or last.startswith(("check", "expect", "assert"))
    return False


def nothing_is_swallowed(source: Source) -> Iterator[Finding]:
    everything = {"Exception", "BaseException"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = {ast.unparse(name) for name in _caught(node.type)}
            if (not caught or caught & everything) and all(_is_idle(step) for step in node.body):
                yield node.lineno, "any exception is caught and dropped"
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("suppress")
            and everything & {ast.unparse(argument) for argument in node.args}
        ):
            yield node.lineno, "any exception is suppressed"


def _caught(kind: ast.expr | None) -> list[ast.expr]:
    if kind is None:
        return []
    return kind.elts if isinstance(kind, ast.Tuple) else [kind]


def _is_idle(step: ast.stmt) -> bool:
    is_bare_value = isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)
    return is_bare_value or isinstance(step, ast.Pass | ast.Continue)


def nothing_is_unfinished(source: Source) -> Iterator[Finding]:
    marks = "TODO|FIXME|XXX|NotImplementedError"
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := re.search(rf"\b({marks})\b", line):
            yield number, f"{found[0]}: finish it, or leave it out"


def suppressions_say_why(source: Source) -> Iterator[Finding]:
    forms = {
        "noqa": r"# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*\b",
        "type: ignore": r"# type: ignore\[[a-z-]+(, ?[a-z-]+)*\]",
        "pragma: no cover": r"# pragma: no cover",
    }
    above = ""
    for number, line in enumerate(source.text.splitlines(), 1):
        for mark, form in forms.items():
            if f"# {mark}" not in line:
                continue
            coded = re.search(form, line)
            reason = above.strip().startswith("# ") or (
                coded and re.search("[a-z]{3}", line[coded.end() :])
            )
            if not coded or not reason:
                yield number, f"'{mark}' needs a code, and a reason beside it or in a comment above"
        above = line


RULES: dict[str, Rule] = {
    rule.check.__name__: rule
    for rule in (
        Rule(file_is_short, inside=("src/",)),
        Rule(functions_are_short, inside=("src/",)),
        # Real processes take real time, in our own system tests and in CPython's.
        Rule(
            nothing_sleeps,
            inside=("tests/",),
            outside=("tests/system/", "tests/cpython_executor/"),
        ),
        Rule(every_test_can_fail, inside=("tests/",)),
        Rule(nothing_is_swallowed),
        Rule(nothing_is_unfinished, inside=("src/",)),
        # The examples of what breaks it are strings in its own test.
        Rule(suppressions_say_why, outside=("tests/meta/",)),
    )
}


def broken(rule: Rule, all_sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{line}: {wrong}"
        for source in all_sources
        if rule.holds_in(source.path)
        for line, wrong in rule.check(source)
    ]
