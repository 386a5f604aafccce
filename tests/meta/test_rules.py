"""Every habit is kept, and every rule can be broken."""

import pytest

from tests.meta.rules import FILE_LINES_MAX, FUNCTION_LINES_MAX, RULES, Rule, broken
from tests.meta.tree import ROOT, Source, sources

LONG_FUNCTION = "def f() -> None:\n" + "    print()\n" * FUNCTION_LINES_MAX
WITHIN = LONG_FUNCTION.removesuffix("    print()\n")

# Rule, a path where it holds, what breaks it, what does not.
EXAMPLES = [
    ("file_is_short", "src/a.py", "a = 1\n" * (FILE_LINES_MAX + 1), "a = 1\n" * FILE_LINES_MAX),
    ("functions_are_short", "src/a.py", LONG_FUNCTION, WITHIN),
    ("functions_are_short", "src/a.py", f"async {LONG_FUNCTION}", f"async {WITHIN}"),
    ("nothing_sleeps", "tests/unit/a.py", "import time\ntime.sleep(1)", "import time\ntime.time()"),
    ("nothing_sleeps", "tests/unit/a.py", "from time import sleep", "from time import monotonic"),
    ("nothing_sleeps", "tests/unit/a.py", "await asyncio.sleep(0)", "await event.wait()"),
    ("every_test_can_fail", "tests/a.py", "def test_a(): f()", "def test_a(): assert f()"),
    ("every_test_can_fail", "tests/a.py", "def test_a(): assert True", "def a(): assert True"),
    (
        "every_test_can_fail",
        "tests/a.py",
        "async def test_a(): f()",
        "def test_a(): check_all(f())",
    ),
    (
        "every_test_can_fail",
        "tests/a.py",
        "class TestA:\n    def test_a(self):\n        with g(): f()",
        "class TestA:\n    def test_a(self):\n        with pytest.raises(OSError): f()",
    ),
    (
        "nothing_is_swallowed",
        "src/a.py",
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept OSError: pass",
    ),
    ("nothing_is_swallowed", "src/a.py", "try: f()\nexcept: pass", "try: f()\nexcept: raise"),
    (
        "nothing_is_swallowed",
        "src/a.py",
        "try: f()\nexcept (OSError, BaseException) as e: ...",
        "try: f()\nexcept BaseException as e: g(e)",
    ),
    (
        "nothing_is_swallowed",
        "src/a.py",
        "with suppress(Exception): f()",
        "with suppress(OSError): f()",
    ),
    ("nothing_is_unfinished", "src/a.py", "a = 1  # TODO", "a = 1  # todos are listed elsewhere"),
    ("nothing_is_unfinished", "src/a.py", "raise NotImplementedError", "return NotImplemented"),
    (
        "suppressions_say_why",
        "src/a.py",
        "import a  # noqa: F401",
        "import a  # noqa: F401  offered to users",
    ),
    (
        "suppressions_say_why",
        "src/a.py",
        "a = b  # type: ignore  # the library is wrong",
        "a = b  # type: ignore[assignment]  # the library is wrong",
    ),
    (
        "suppressions_say_why",
        "src/a.py",
        "f()  # pragma: no cover",
        "f()  # pragma: no cover: in a fork",
    ),
    (
        "suppressions_say_why",
        "src/a.py",
        "f()\na.b = c  # type: ignore[attr-defined]",
        "# The tests read it.\na.b = c  # type: ignore[attr-defined]",
    ),
    ("suppressions_say_why", "src/a.py", "# Why.\nf()  # noqa", "# Why.\nf()  # noqa: B018"),
]


@pytest.mark.parametrize("name", RULES)
def test_the_repository_keeps(name: str) -> None:
    wrong = broken(RULES[name], sources(ROOT))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("name", "path", "bad", "good"), EXAMPLES)
def test_a_rule_finds_what_breaks_it_and_nothing_else(
    name: str, path: str, bad: str, good: str
) -> None:
    assert len(broken(RULES[name], [Source(path, bad)])) == 1
    assert broken(RULES[name], [Source(path, good)]) == []


def test_every_rule_has_an_example() -> None:
    assert {name for name, *_ in EXAMPLES} == set(RULES)


def test_a_rule_holds_inside_its_folders_and_not_outside() -> None:
    rule = Rule(RULES["nothing_sleeps"].check, inside=("tests/",), outside=("tests/system/",))
    found = [
        broken(rule, [Source(path, "time.sleep(1)")])
        for path in ("tests/unit/a.py", "tests/system/a.py", "src/a.py")
    ]
    assert found == [
        ["tests/unit/a.py:1: time.sleep: wait for what happens, not for a time"],
        [],
        [],
    ]
