"""The same call spelt otherwise, and other calls."""

from tests.corpus.case import different, same

TWO = "def f(x, y=2, *more, z=3, **rest):\n    return x\n\n"


def call(text: str) -> str:
    return f"{TWO}CALL = {text}\n"


def pair(before: str, after: str) -> tuple[str, tuple[str, str]]:
    return call(before), (f"CALL = {before}", f"CALL = {after}")


ONE = "def f(x):\n    return x\n\n"


def value(before: str, after: str, head: str = "") -> tuple[str, tuple[str, str]]:
    return f"{head}\n{ONE}CALL = (({before},), {{}})\n", (f"(({before},)", f"(({after},)")


ARGUMENTS = [
    same("keyword", *pair("((1,), {'y': 5})", "((1, 5), {})")),
    same("keywords in another order", *pair("((), {'x': 1, 'y': 5})", "((), {'y': 5, 'x': 1})")),
    same("default given", *pair("((1,), {})", "((1, 2), {'z': 3})")),
    same(
        "more keywords in another order",
        *pair("((1,), {'a': 1, 'b': 2})", "((1,), {'b': 2, 'a': 1})"),
    ),
    different("more arguments", *pair("((1, 2, 3), {})", "((1, 2, 4), {})")),
    different("more keywords", *pair("((1,), {'a': 1})", "((1,), {'b': 1})")),
    different("values change places", *pair("((1, 5), {})", "((5, 1), {})")),
    same("order of a dict in an argument", *value("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}")),
    same("set in an argument", *value("{'a', 'b', 'c'}", "{'c', 'b', 'a'}")),
    same("sharing", *value("[[1], [1]]", "(lambda s: [s, s])([1])")),
    different("list and tuple", *value("[1]", "(1,)")),
    different("1 and True", *value("1", "True")),
    different("1 and 1.0", *value("1", "1.0")),
    different("text and bytes", *value("'a'", "b'a'")),
    different("nesting", *value("[[1], 2]", "[[1, 2]]")),
    different(
        "ordered dict",
        *value("OD(a=1, b=2)", "OD(b=2, a=1)", "from collections import OrderedDict as OD"),
    ),
    different(
        "time zones",
        *value(
            "D(2020, 1, 1, tzinfo=Z('UTC'))",
            "D(2020, 1, 1, tzinfo=Z('Europe/Paris'))",
            "from datetime import datetime as D\nfrom zoneinfo import ZoneInfo as Z",
        ),
    ),
    different(
        "function as argument",
        "def g(x):\n    return x\n\n" + ONE + "CALL = ((g,), {})\n",
        ("def g(x):\n    return x", "def g(x):\n    return -x"),
    ),
    different(
        "helper of a function as argument",
        "def h(x):\n    return x\n\ndef g(x):\n    return h(x)\n\n" + ONE + "CALL = ((g,), {})\n",
        ("def h(x):\n    return x", "def h(x):\n    return -x"),
    ),
    same(
        "arrays of other layouts",
        *value(
            "np.arange(6).reshape(2, 3)",
            "np.asfortranarray(np.arange(6).reshape(2, 3))",
            "import numpy as np",
        ),
    ),
    different(
        "arrays of other types", *value("np.arange(6)", "np.arange(6.0)", "import numpy as np")
    ),
    different(
        "arrays of other shapes", *value("np.zeros(6)", "np.zeros((2, 3))", "import numpy as np")
    ),
    same(
        "a view of an array",
        *value("np.arange(0, 10, 2)", "np.arange(10)[::2]", "import numpy as np"),
    ),
]
