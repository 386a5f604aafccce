"""The function itself and the functions that it calls."""

from tests.corpus.case import different, same

CHAIN = """
def third(x):
    return x + 3

def second(x):
    return third(x)

def first(x):
    return second(x)

def f(x):
    return first(x)
"""
MUTUAL = """
def is_even(n):
    return True if n == 0 else is_odd(n - 1)

def is_odd(n):
    return False if n == 0 else is_even(n - 1)

def f(x):
    return is_even(x)
"""
SWAPPED = """
def one(x):
    return x + 1

def two(x):
    return x * 2

def make(inner):
    def outer(x):
        return inner(x)
    return outer

left, right = make(one), make(two)

def f(x):
    return left(x) - right(x)
"""
HELPERS = [
    different("body", "def f(x):\n    return x + 1\n", ("+ 1", "+ 2")),
    different(
        "helper",
        "def helper(x):\n    return x + 1\n\ndef f(x):\n    return helper(x)\n",
        ("x + 1", "x + 2"),
    ),
    different("helper of helper of helper", CHAIN, ("x + 3", "x + 4")),
    different("one of two that call each other", MUTUAL, ("False if", "None if")),
    same("nothing, of two that call each other", MUTUAL),
    different("recursion", "def f(x):\n    return 1 if x < 1 else f(x - 1)\n", ("x < 1", "x < 2")),
    different("two alike change places", SWAPPED, ("left, right =", "right, left =")),
    different(
        "helper is bound to another function",
        "def a(x):\n    return x\n\ndef b(x):\n    return -x\n\nh = a\n\ndef f(x):\n    return h(x)\n",
        ("h = a", "h = b"),
    ),
    same(
        "helper that is not called",
        "def other(x):\n    return x\n\ndef f(x):\n    return x\n",
        ("def other(x):\n    return x", "def other(x):\n    return -x"),
    ),
    different(
        "helper in a comprehension",
        "def g(x):\n    return x\n\ndef f(x):\n    return [g(i) for i in range(x)]\n",
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "helper in a generator expression",
        "def g(x):\n    return x\n\ndef f(x):\n    return sum(g(i) for i in range(x))\n",
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "helper in a lambda inside",
        "def g(x):\n    return x\n\ndef f(x):\n    return (lambda y: g(y))(x)\n",
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "helper in a nested function's default",
        """
        def g():
            return 1

        def f(x):
            def inner(y=g()):
                return y
            return inner()
        """,
        ("return 1", "return 2"),
    ),
    different(
        "helper in a dict",
        "def g(x):\n    return x\n\nTABLE = {'g': g}\n\ndef f(x):\n    return TABLE['g'](x)\n",
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "helper in a list of a tuple",
        "def g(x):\n    return x\n\nTABLE = ([g],)\n\ndef f(x):\n    return TABLE[0][0](x)\n",
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "helper that is a generator",
        "def g(x):\n    yield x\n\ndef f(x):\n    return list(g(x))\n",
        ("yield x", "yield -x"),
    ),
    different(
        "helper that is asynchronous",
        """
        import asyncio

        async def g(x):
            return x

        def f(x):
            return asyncio.run(g(x))
        """,
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "helper that is a lambda",
        "g = lambda x: x + 1\n\ndef f(x):\n    return g(x)\n",
        ("x + 1", "x + 2"),
    ),
    different(
        "one of two lambdas on one line",
        "g, h = lambda x: x + 1, lambda x: x + 2\n\ndef f(x):\n    return h(x)\n",
        ("x + 2", "x + 3"),
    ),
    same(
        "the other of two lambdas on one line",
        "g, h = lambda x: x + 1, lambda x: x + 2\n\ndef f(x):\n    return h(x)\n",
        ("x + 1", "x + 3"),
    ),
    different(
        "helper made by exec",
        "space = {}\nexec('def g(x): return x + 1', space)\ng = space['g']\n\ndef f(x):\n    return g(x)\n",
        ("x + 1", "x + 2"),
    ),
    same(
        "nothing, of a helper made by exec",
        "space = {}\nexec('def g(x): return x + 1', space)\ng = space['g']\n\ndef f(x):\n    return g(x)\n",
    ),
    different(
        "a builtin is shadowed by a global",
        "def f(x):\n    return len([x])\n",
        ("def f", "def len(x):\n    return 9\n\ndef f"),
    ),
    different(
        "a name that was not defined is",
        """
        def f(x):
            try:
                return late
            except NameError:
                return 0
        """,
        ("def f(x)", "late = 1\n\ndef f(x)"),
    ),
    different(
        "helper chosen by a condition",
        """
        FAST = True
        if FAST:
            def g(x):
                return x
        else:
            def g(x):
                return -x

        def f(x):
            return g(x)
        """,
        ("FAST = True", "FAST = False"),
    ),
    different(
        "helper is redefined below",
        "def g(x):\n    return x\n\ndef f(x):\n    return g(x)\n",
        ("    return g(x)\n", "    return g(x)\n\ndef g(x):\n    return -x\n"),
    ),
]
