"""What does not change what a function does: comments, docstrings, annotations, layout, place."""

from tests.corpus.case import different, same

TEXT = """
def helper(x):
    total = 0
    for i in range(x):
        if i % 2 and i > 1:
            total += i
    return total

def f(x):
    return helper(x) + 1
"""
LAYOUT = [
    same("folder and hash seed", TEXT),
    same("comment", TEXT, ("total = 0", "total = 0  # so far")),
    same("comment above", TEXT, ("def f(x)", "# This is f.\ndef f(x)")),
    same("blank lines", TEXT, ("    total = 0\n", "\n    total = 0\n\n")),
    same("docstring", TEXT, ("def f(x):\n", "def f(x):\n    '''Return it.'''\n")),
    same("docstring of a helper", TEXT, ("def helper(x):\n", 'def helper(x):\n    """Sum."""\n')),
    same("annotations", TEXT, ("def f(x):", "def f(x: int) -> 'int':")),
    same("annotation of a variable", TEXT, ("    total = 0", "    total: int = 0")),
    same(
        "parentheses and line breaks",
        TEXT,
        ("if i % 2 and i > 1:", "if (\n            (i % 2)\n            and i > 1\n        ):"),
    ),
    same(
        "one line",
        TEXT,
        ("            total += i\n    return", "            total += i; pass\n    return"),
    ),
    same(
        "indentation",
        "def f(x):\n    if x:\n        return 1\n    return 2\n",
        ("        return 1", "          return 1"),
    ),
    same("quotes", "def f(x):\n    return 'a'\n", ("'a'", '"a"')),
    same("number written otherwise", "def f(x):\n    return 1000\n", ("1000", "1_000")),
    same("joined strings", "def f(x):\n    return 'ab'\n", ("'ab'", "'a' 'b'")),
    same("a function above", TEXT, ("def helper", "def new():\n    return 1\n\ndef helper")),
    same(
        "order of functions",
        TEXT,
        ("", "def f(x):\n    return helper(x) + 1\n" + TEXT[: TEXT.index("def f")]),
    ),
    same(
        "layout of a nested boolean",
        "def f(x):\n    y = (x and 1) or 2\n    return y\n",
        ("(x and 1) or 2", "(\n        (x\n         and 1)\n        or 2)"),
    ),
    same("pass", TEXT, ("    total = 0\n", "    pass\n    total = 0\n")),
    same(
        "comment in a lambda that stands alone",
        "f = (lambda x:\n     x + 1)\n",
        ("(lambda x:\n", "(lambda x:  # more\n"),
    ),
    same(
        "type checking imports",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os\n\ndef f(x):\n    return x\n",
        ("import os", "import sys"),
    ),
    different(
        "name of a variable that is shown",
        "def f(x):\n    a = x\n    return locals()\n",
        ("    a =", "    b ="),
    ),
    different("operator", TEXT, ("i % 2", "i // 2")),
    different(
        "order of statements",
        "def f(x):\n    x += 1\n    x *= 2\n    return x\n",
        ("    x += 1\n    x *= 2\n", "    x *= 2\n    x += 1\n"),
    ),
]
