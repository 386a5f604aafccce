"""The demo's measure agrees with numbers that were counted by hand."""

import os
import pickle
import sys
import warnings
from pathlib import Path
from textwrap import dedent

import pytest

from elsewhere.demo.complexity import (
    FILE_BYTES_MAX,
    FailureKind,
    FailureRecord,
    FunctionRecord,
    ModuleRecord,
    Source,
    analyse,
)

# What a function of this source has: one, and one for each decision, which its comments count.
COUNTED = {
    "nothing to decide": (1, "def f():\n    return 1"),
    "if, elif, else": (
        3,
        """
        def f(x):
            if x > 0:       # 1
                return 1
            elif x < 0:     # 2
                return -1
            else:
                return 0
        """,
    ),
    "loops with else": (
        4,
        """
        def f(xs):
            for x in xs:    # 1
                if x:       # 2
                    break
            else:
                x = 0
            while x:        # 3
                x -= 1
            else:
                x = 1
            return x
        """,
    ),
    "try with everything": (
        3,
        """
        def f():
            try:
                g()
            except ValueError:              # 1
                pass
            except (KeyError, TypeError):   # 2
                pass
            else:
                g()
            finally:
                g()
        """,
    ),
    "exception groups": (2, "def f():\n  try: g()\n  except* ValueError: pass"),
    "boolean operators": (5, "def f(a, b, c, d):\n    return a and b and c or not d or a"),
    "a chain of comparisons is one condition": (1, "def f(a):\n    return 0 < a < 10"),
    "comprehensions": (
        8,
        """
        def f(xs):
            a = [x for x in xs if x if x > 1]       # 1 2 3
            b = {x: y for x in xs for y in x}       # 4 5
            return (x for x in a if x), b           # 6 7
        """,
    ),
    "match": (
        6,
        """
        def f(x):
            match x:
                case 1:                 # 1
                    return "one"
                case [a, *_] if a > 1:  # 2 3
                    return "list"
                case {"k": y} as z:     # 4
                    return "map"
                case other if other:    # 5, the guard alone: a bare name matches anything
                    return "true"
                case _:
                    return "rest"
        """,
    ),
    "a match whose last case takes anything": (
        2,
        "def f(x):\n  match x:\n    case 1: pass\n    case (2 | _) as y: pass",
    ),
    "async": (
        4,
        """
        async def f(xs):
            async with g():
                async for x in xs:                          # 1
                    await x
            return [x async for x in xs if await x]         # 2 3
        """,
    ),
    "assert": (3, "def f(x):\n    assert x and x > 1, 'no'"),
    "ternary": (3, "def f(x):\n    return 1 if x else 2 if x is None else 3"),
    "decisions in an f-string": (2, "def f(x):\n    return f'{1 if x else 2}'"),
    "a class body that the function runs": (
        2,
        """
        def f(x):
            class C:
                y = 1 if x else 2   # 1
            return C
        """,
    ),
    "with": (1, "def f():\n    with g() as a, h() as b:\n        pass"),
}


@pytest.fixture
def measure(tmp_path: Path) -> "Measure":
    return Measure(tmp_path / "module.py")


class Measure:
    def __init__(self, path: Path) -> None:
        self.path = path

    def outcome(self, content: bytes) -> ModuleRecord | FailureRecord:
        self.path.write_bytes(content)
        return analyse(Source(module="module", path=str(self.path), bytes=len(content)))

    def parsed(self, text: str) -> ModuleRecord:
        outcome = self.outcome(dedent(text).encode())
        assert isinstance(outcome, ModuleRecord), outcome
        return outcome

    def failed(self, content: bytes) -> FailureRecord:
        outcome = self.outcome(content)
        assert isinstance(outcome, FailureRecord), outcome
        return outcome

    def complexities(self, text: str) -> dict[str, int]:
        return {function.name: function.complexity for function in self.parsed(text).functions}


@pytest.mark.parametrize("construct", COUNTED)
def test_decisions_are_counted(measure: Measure, construct: str) -> None:
    complexity, text = COUNTED[construct]
    assert measure.complexities(text)["f"] == complexity


def test_a_nested_function_is_a_function_of_its_own(measure: Measure) -> None:
    found = measure.complexities(
        """
        def outer(x):
            if x:                               # outer 1
                def inner(y):
                    return y or x               # inner 1
            for _ in x:                         # outer 2
                yield lambda z: 1 if z else 2   # lambda 1
        """
    )
    assert found == {"outer": 3, "outer.<locals>.inner": 2, "outer.<locals>.<lambda>": 2}


def test_what_a_definition_evaluates_belongs_to_who_defines_it(measure: Measure) -> None:
    found = measure.complexities(
        """
        def outer(x):
            @(x or str)                                 # outer 1
            def inner(y=1 if x else 2) -> x and int:    # outer 2 3
                pass
            class C(x or object):                       # outer 4
                def method(self):
                    return self and 1                   # method 1
            return lambda y=x or 1: y                   # outer 5
        """
    )
    assert found["outer"] == 6
    assert found["outer.<locals>.inner"] == 1
    assert found["outer.<locals>.C.method"] == 2
    assert found["outer.<locals>.<lambda>"] == 1


def test_names_and_lines_are_those_of_python(measure: Measure) -> None:
    module = measure.parsed(
        """\
        class A:
            class B:
                @property
                def f(self):
                    return 1

        async def g(): return 2
        """
    )
    assert module.functions == (
        FunctionRecord(name="A.B.f", line=4, lines=2, complexity=1),
        FunctionRecord(name="g", line=7, lines=1, complexity=1),
    )


def test_totals_of_a_module(measure: Measure) -> None:
    module = measure.parsed(
        """\
        import os, sys

        class A:
            x = 1
            def f(self):
                if self:
                    return 1
        total = [lambda: 0]
        """
    )
    # import, class, x, def, if, return, total
    assert (module.lines, module.classes, module.statements) == (8, 1, 7)
    assert [function.name for function in module.functions] == ["A.f", "<lambda>"]
    assert module.bytes == measure.path.stat().st_size


@pytest.mark.parametrize(
    ("content", "lines"),
    [(b"", 0), (b"x", 1), (b"x\n", 1), (b"x\n\ny", 3), (b"x\r\ny\rz", 3)],
)
def test_lines_are_counted_whatever_ends_them(measure: Measure, content: bytes, lines: int) -> None:
    outcome = measure.outcome(content)
    assert isinstance(outcome, ModuleRecord)
    assert outcome.lines == lines


@pytest.mark.parametrize(
    "content",
    [
        "# coding: latin-1\ndef größe(): pass\n".encode("latin-1"),
        b"\xef\xbb\xbf" + "def größe(): pass\n".encode(),
        "#!/bin/python\n# -*- coding: cp1252 -*-\ndef größe(): pass\n".encode("cp1252"),
    ],
    ids=["latin-1", "byte order mark", "second line"],
)
def test_a_declared_encoding_is_followed(measure: Measure, content: bytes) -> None:
    outcome = measure.outcome(content)
    assert isinstance(outcome, ModuleRecord)
    assert [function.name for function in outcome.functions] == ["größe"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"if:\n", FailureKind.SYNTAX),
        (b"print 'two'\n", FailureKind.SYNTAX),
        (b"x = " + b"9" * 5000, FailureKind.SYNTAX),
        (b"x = '\xff'\n", FailureKind.ENCODING),
        (b"\n" * 3 + b"x = '\xff'\n", FailureKind.ENCODING),
        (b"# coding: klingon\n", FailureKind.ENCODING),
        (b"# coding: hex\n", FailureKind.ENCODING),
        (b"\xef\xbb\xbf# coding: latin-1\n", FailureKind.ENCODING),
        (b"# coding: utf-7\nx = '+2AA-'\n", FailureKind.ENCODING),
        (b"x = 1\0\n", FailureKind.NULL),
        (b"(" * 50_000, FailureKind.DEPTH),
        (b"-" * 100_000 + b"1", FailureKind.DEPTH),
        (b"x" + b"()" * 100_000, FailureKind.DEPTH),
    ],
)
def test_what_cannot_be_parsed_says_why(
    measure: Measure, content: bytes, kind: FailureKind
) -> None:
    failure = measure.failed(content)
    assert failure.kind is kind
    assert failure.message
    assert str(measure.path) not in failure.message


def test_syntax_errors_name_the_line(measure: Measure) -> None:
    assert measure.failed(b"x = 1\ny = = 2\n").message == "invalid syntax (line 2)"


def test_a_huge_file_is_not_read(measure: Measure) -> None:
    measure.path.touch()
    # A hole: it takes no room on the disk.
    os.truncate(measure.path, FILE_BYTES_MAX + 1)
    outcome = analyse(Source(module="module", path=str(measure.path), bytes=0))
    assert isinstance(outcome, FailureRecord)
    assert outcome.kind is FailureKind.SIZE


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    outcome = analyse(Source(module="gone", path=str(tmp_path / "gone.py"), bytes=1))
    assert isinstance(outcome, FailureRecord)
    assert outcome.kind is FailureKind.UNREADABLE


def test_depth_alone_is_no_obstacle(measure: Measure) -> None:
    # As deep as this Python's parser takes; the walk itself has no limit.
    levels = 60
    text = "\n".join(f"{' ' * level}if x:" for level in range(1, levels + 1))
    assert measure.complexities(f"def f(x):\n{text} pass")["f"] == levels + 1
    limit = sys.getrecursionlimit()
    chain = "x" + ".y" * (limit - 300)
    assert measure.complexities(f"def f(x):\n    return {chain} or 1")["f"] == 2


def test_other_peoples_warnings_are_kept_quiet(measure: Measure) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        measure.parsed("x = '\\d'\ny = x is 'a'\nassert (x, 'always true')\n")
    assert caught == []


def test_the_same_source_gives_the_same_record_and_it_travels(measure: Measure) -> None:
    text = "def f(x):\n    return x or 1\n"
    module = measure.parsed(text)
    assert measure.parsed(text) == module
    assert pickle.loads(pickle.dumps(module)) == module
    assert pickle.loads(pickle.dumps(analyse)) is analyse
