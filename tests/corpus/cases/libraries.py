"""Installed distributions: what counts is their version."""

from tests.corpus.case import different, same


def library(version: str, text: str = "def g(x):\n    return x\n\nRATE = 2\n") -> dict[str, str]:
    return {
        "site-packages/fruit/__init__.py": text,
        "site-packages/fruit/inner.py": "def h(x):\n    return x\n",
        "site-packages/fruit-1.dist-info/METADATA": f"Metadata-Version: 2.1\nName: fruit\nVersion: {version}\n",
        "site-packages/fruit-1.dist-info/RECORD": "fruit/__init__.py,,\nfruit/inner.py,,\n",
    }


UPGRADE = ("site-packages/fruit-1.dist-info/METADATA", "Version: 1.0", "Version: 1.1")
DEVELOPED = {
    "develop/fruit/__init__.py": "def g(x):\n    return x\n",
    "site-packages/fruit-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: fruit\nVersion: 1.0\n",
    "site-packages/fruit-1.dist-info/RECORD": "__editable__.fruit.pth,,\n",
    "task.py": "from fruit import g\n\ndef f(x):\n    return g(x)\n",
}
WAYS = {
    "function": "import fruit\n\ndef f(x):\n    return fruit.g(x)\n",
    "name": "from fruit import g\n\ndef f(x):\n    return g(x)\n",
    "import inside": "def f(x):\n    import fruit\n    return fruit.g(x)\n",
    "submodule inside": "def f(x):\n    from fruit.inner import h\n    return h(x)\n",
    "constant": "import fruit\n\ndef f(x):\n    return fruit.RATE\n",
    "module as a value": "import fruit\nL = [fruit]\n\ndef f(x):\n    return L[0].g(x)\n",
}
LIBRARIES = [
    *(
        different(f"upgrade, {way}", {**library("1.0"), "task.py": text}, UPGRADE)
        for way, text in WAYS.items()
    ),
    same(
        "upgrade of what is not used",
        {**library("1.0"), "task.py": "import fruit\n\ndef f(x):\n    return x\n"},
        UPGRADE,
    ),
    same("nothing, with a library", {**library("1.0"), "task.py": WAYS["function"]}),
    same(
        "comment inside a library",
        {**library("1.0"), "task.py": WAYS["function"]},
        ("site-packages/fruit/__init__.py", "RATE = 2", "RATE = 2  # two"),
    ),
    different(
        "library function replaced by the user's",
        {
            **library("1.0"),
            "task.py": "import fruit\nfruit.g = lambda x: 1\n\ndef f(x):\n    return fruit.g(x)\n",
        },
        ("lambda x: 1", "lambda x: 2"),
    ),
    different(
        "class of a library as a base",
        {
            **library("1.0", "class Base:\n    pass\n"),
            "task.py": "import fruit\n\nclass A(fruit.Base):\n    pass\n\ndef f(x):\n    return A()\n",
        },
        UPGRADE,
    ),
    different(
        "decorator of a library",
        {
            **library(
                "1.0",
                "def mark(g):\n    def wrapper(x):\n        return g(x)\n    return wrapper\n",
            ),
            "task.py": "import fruit\n\n@fruit.mark\ndef g(x):\n    return x\n\ndef f(x):\n    return g(x)\n",
        },
        UPGRADE,
    ),
    different(
        "function under a decorator of a library",
        {
            **library(
                "1.0",
                "def mark(g):\n    def wrapper(x):\n        return g(x)\n    return wrapper\n",
            ),
            "task.py": "import fruit\n\n@fruit.mark\ndef g(x):\n    return x\n\ndef f(x):\n    return g(x)\n",
        },
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "editable installation", DEVELOPED, ("develop/fruit/__init__.py", "return x", "return -x")
    ),
    different(
        "package without a distribution",
        {
            "site-packages/loose.py": "def g(x):\n    return x\n",
            "task.py": "from loose import g\n\ndef f(x):\n    return g(x)\n",
        },
        ("site-packages/loose.py", "return x", "return -x"),
    ),
    different(
        "another function of the standard library",
        "from math import sin as g\n\ndef f(x):\n    return g(x)\n",
        ("sin", "cos"),
    ),
    different(
        "a module that hides one of the standard library",
        {
            "colorsys.py": "def g(x):\n    return x\n",
            "task.py": "from colorsys import g\n\ndef f(x):\n    return g(x)\n",
        },
        ("colorsys.py", "return x", "return -x"),
    ),
]
