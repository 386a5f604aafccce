"""Names from other files of the project."""

from tests.corpus.case import different, same

HELPERS = (
    "RATE = 2\nOTHER = 3\n\ndef scale(x):\n    return x * RATE\n\ndef unused(x):\n    return x\n"
)
PACKAGE = {
    "pkg/__init__.py": "from pkg.deep.low import scale\n",
    "pkg/deep/__init__.py": "",
    "pkg/deep/low.py": "from ..side import RATE\n\ndef scale(x):\n    return x * RATE\n",
    "pkg/side.py": "RATE = 2\n",
}


def using(text: str, **more: str) -> dict[str, str]:
    return {"helpers.py": HELPERS, **more, "task.py": text}


EDIT = ("helpers.py", "x * RATE", "x + RATE")
CONSTANT = ("helpers.py", "RATE = 2", "RATE = 5")
UNUSED = ("helpers.py", "OTHER = 3", "OTHER = 4")
WAYS = {
    "import": "import helpers\n\ndef f(x):\n    return helpers.scale(x)\n",
    "import as": "import helpers as h\n\ndef f(x):\n    return h.scale(x)\n",
    "from import": "from helpers import scale\n\ndef f(x):\n    return scale(x)\n",
    "from import as": "from helpers import scale as s\n\ndef f(x):\n    return s(x)\n",
    "star": "from helpers import *\n\ndef f(x):\n    return scale(x)\n",
    "inside": "def f(x):\n    import helpers\n    return helpers.scale(x)\n",
    "inside, as": "def f(x):\n    import helpers as h\n    return h.scale(x)\n",
    "inside, from": "def f(x):\n    from helpers import scale\n    return scale(x)\n",
    "inside, for a closure": (
        "def f(x):\n    import helpers\n    return [helpers.scale(i) for i in range(x)]\n"
    ),
    "under try": (
        "try:\n    import helpers\nexcept ImportError:\n    helpers = None\n\n"
        "def f(x):\n    return helpers.scale(x)\n"
    ),
    "getattr": "import helpers\n\ndef f(x):\n    return getattr(helpers, 'scale')(x)\n",
}
IMPORTS = [
    *(different(f"helper by {way}", using(text), EDIT) for way, text in WAYS.items()),
    *(different(f"constant behind {way}", using(text), CONSTANT) for way, text in WAYS.items()),
    *(same(f"what is not used, {way}", using(text), UNUSED) for way, text in WAYS.items()),
    different(
        "module of a package",
        {
            **PACKAGE,
            "task.py": "import pkg.deep.low\n\ndef f(x):\n    return pkg.deep.low.scale(x)\n",
        },
        ("pkg/deep/low.py", "x * RATE", "x + RATE"),
    ),
    different(
        "relative import in a package",
        {
            **PACKAGE,
            "task.py": "import pkg.deep.low as low\n\ndef f(x):\n    return low.scale(x)\n",
        },
        ("pkg/side.py", "RATE = 2", "RATE = 3"),
    ),
    different(
        "name passed on by a package",
        {**PACKAGE, "task.py": "import pkg\n\ndef f(x):\n    return pkg.scale(x)\n"},
        ("pkg/deep/low.py", "x * RATE", "x + RATE"),
    ),
    different(
        "module imported from a package inside",
        {**PACKAGE, "task.py": "def f(x):\n    from pkg import side\n    return side.RATE\n"},
        ("pkg/side.py", "RATE = 2", "RATE = 3"),
    ),
    different(
        "relative import inside a function",
        {
            **PACKAGE,
            "pkg/top.py": "def g(x):\n    from .side import RATE\n    return RATE\n",
            "task.py": "from pkg.top import g\n\ndef f(x):\n    return g(x)\n",
        },
        ("pkg/side.py", "RATE = 2", "RATE = 3"),
    ),
    different(
        "module that appears",
        using(
            "def f(x):\n    try:\n        import extra\n    except ImportError:\n        return 0\n"
            "    return extra.N\n"
        ),
        ("extra.py", "", "N = 1\n"),
    ),
    different(
        "name set in another module",
        using("import helpers\nhelpers.RATE = 2\n\ndef f(x):\n    return helpers.scale(x)\n"),
        ("helpers.RATE = 2", "helpers.RATE = 9"),
    ),
    different(
        "lazy name of a module",
        {
            "helpers.py": "def __getattr__(name):\n    return 1\n",
            "task.py": "import helpers\n\ndef f(x):\n    return helpers.anything\n",
        },
        ("helpers.py", "return 1", "return 2"),
    ),
    different(
        "namespace package",
        {
            "space/part.py": "def g(x):\n    return x\n",
            "task.py": "from space.part import g\n\ndef f(x):\n    return g(x)\n",
        },
        ("space/part.py", "return x", "return -x"),
    ),
    same(
        "import that is not used",
        using("import helpers\n\ndef f(x):\n    return x\n"),
        ("import helpers", "import helpers, math"),
    ),
    same(
        "order of imports",
        using("import math\nimport helpers\n\ndef f(x):\n    return helpers.scale(math.sqrt(x))\n"),
        ("import math\nimport helpers", "import helpers\nimport math"),
    ),
    different(
        "conditional import",
        {
            "one.py": "def g(x):\n    return 1\n",
            "two.py": "def g(x):\n    return 2\n",
            "task.py": (
                "NEW = False\nif NEW:\n    from two import g\nelse:\n    from one import g\n\n"
                "def f(x):\n    return g(x)\n"
            ),
        },
        ("NEW = False", "NEW = True"),
    ),
]
