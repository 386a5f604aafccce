"""Constants and other data that the function reads."""

from tests.corpus.case import different, same

SETTINGS = """
class Settings:
    def __init__(self):
        self.rate = 2
        self.nested = {'a': [1, {2, 3}]}

SETTINGS = Settings()

def f(x):
    return SETTINGS.rate * x
"""
VALUES = [
    different("constant", "RATE = 2\n\ndef f(x):\n    return x * RATE\n", ("= 2", "= 3")),
    different(
        "constant from int to float", "R = 2\n\ndef f(x):\n    return x * R\n", ("= 2", "= 2.0")
    ),
    different("constant from 1 to True", "R = 1\n\ndef f(x):\n    return R\n", ("= 1", "= True")),
    different("constant from 0.0 to -0.0", "R = 0.0\n\ndef f(x):\n    return R\n", ("0.0", "-0.0")),
    same("constant written otherwise", "R = 100\n\ndef f(x):\n    return R\n", ("100", "0x64")),
    same(
        "constant that is not read",
        "RATE = 2\nOTHER = 3\n\ndef f(x):\n    return x * RATE\n",
        ("= 3", "= 4"),
    ),
    different(
        "constant in a helper",
        "RATE = 2\n\ndef g(x):\n    return x * RATE\n\ndef f(x):\n    return g(x)\n",
        ("= 2", "= 3"),
    ),
    different("list", "L = [1, [2]]\n\ndef f(x):\n    return L\n", ("[2]", "[3]")),
    different("dict", "D = {'a': {'b': 1}}\n\ndef f(x):\n    return D\n", ("1", "2")),
    different(
        "order of a dict",
        "D = {'a': 1, 'b': 2}\n\ndef f(x):\n    return list(D)\n",
        ("'a': 1, 'b': 2", "'b': 2, 'a': 1"),
    ),
    same(
        "order of a set, and the hash seed",
        "S = {'a', 'b', 'c', 'd', 'e'}\n\ndef f(x):\n    return sorted(S)\n",
        ("'a', 'b', 'c', 'd', 'e'", "'e', 'd', 'b', 'a', 'c'"),
    ),
    different("set", "S = {'a', 'b'}\n\ndef f(x):\n    return x in S\n", ("'b'", "'c'")),
    same(
        "nothing, of a set of functions",
        """
        def a(x):
            return x

        def b(x):
            return -x

        S = {a, b}

        def f(x):
            return sorted(g(x) for g in S)
        """,
    ),
    different("attribute of an object", SETTINGS, ("self.rate = 2", "self.rate = 3")),
    different("deep in an object", SETTINGS, ("{2, 3}", "{2, 4}")),
    same("nothing, of an object", SETTINGS),
    different(
        "a list that is built up",
        "L = []\nL.append(1)\n\ndef f(x):\n    return L\n",
        ("(1)", "(2)"),
    ),
    different(
        "a constant that is computed",
        "N = 3\nSQUARES = [n * n for n in range(N)]\n\ndef f(x):\n    return SQUARES\n",
        ("N = 3", "N = 4"),
    ),
    different(
        "pattern", "import re\nP = re.compile('a')\n\ndef f(x):\n    return P\n", ("'a'", "'b'")
    ),
    different(
        "flags of a pattern",
        "import re\nP = re.compile('a')\n\ndef f(x):\n    return P\n",
        ("'a'", "'a', re.I"),
    ),
    different(
        "decimal",
        "from decimal import Decimal\nD = Decimal('1.0')\n\ndef f(x):\n    return D\n",
        ("1.0", "1.00"),
    ),
    different(
        "date",
        "import datetime as dt\nD = dt.date(2020, 1, 1)\n\ndef f(x):\n    return D\n",
        ("1, 1)", "1, 2)"),
    ),
    different(
        "path",
        "from pathlib import Path\nP = Path('a')\n\ndef f(x):\n    return P\n",
        ("'a'", "'b'"),
    ),
    different("default", "def f(x, y=1):\n    return x + y\n", ("y=1", "y=2")),
    different("keyword default", "def f(x, *, y=1):\n    return x + y\n", ("y=1", "y=2")),
    different(
        "default of a helper",
        "def g(x, y=1):\n    return y\n\ndef f(x):\n    return g(x)\n",
        ("y=1", "y=2"),
    ),
    different(
        "default from a constant",
        "RATE = 1\n\ndef g(x, y=RATE):\n    return y\n\ndef f(x):\n    return g(x)\n",
        ("RATE = 1", "RATE = 2"),
    ),
    different(
        "attribute of a function",
        "def g(x):\n    return g.rate\n\ng.rate = 1\n\ndef f(x):\n    return g(x)\n",
        ("= 1", "= 2"),
    ),
    same(
        "nothing, with a sentinel",
        """
        MISSING = object()

        def f(x, y=MISSING):
            return y is MISSING
        """,
    ),
    different(
        "numpy constant",
        "import numpy as np\nA = np.arange(5)\n\ndef f(x):\n    return A.sum()\n",
        ("5", "6"),
    ),
]
