"""What stands above a function."""

from tests.corpus.case import different, same

WRAPS = """
import functools

def scaled(rate):
    def decorate(g):
        @functools.wraps(g)
        def wrapper(*args):
            return rate * g(*args)
        return wrapper
    return decorate

@scaled(2)
def helper(x):
    return x + 1

def f(x):
    return helper(x)
"""
DISPATCH = """
from functools import singledispatch

@singledispatch
def g(x):
    return 1

@g.register
def _(x: int):
    return 2

def f(x):
    return g(x)
"""
CACHED = """
import functools

@functools.lru_cache(maxsize=None)
def g(x):
    return x + 1

g(5)

def f(x):
    return g(x)
"""
CLASS_DECORATOR = """
class Doubled:
    def __init__(self, g):
        self.g = g
    def __call__(self, x):
        return 2 * self.g(x)

@Doubled
def g(x):
    return x

def f(x):
    return g(x)
"""
DECORATORS = [
    different("argument of a decorator", WRAPS, ("@scaled(2)", "@scaled(3)")),
    different("wrapper of a decorator", WRAPS, ("rate * g(*args)", "rate + g(*args)")),
    different("function under a decorator", WRAPS, ("x + 1", "x + 2")),
    different("decorator taken away", WRAPS, ("@scaled(2)\n", "")),
    same("nothing, with a decorator", WRAPS),
    different(
        "decorator of the function itself",
        WRAPS,
        ("def f(x):\n", "@scaled(5)\ndef f(x):\n"),
    ),
    different("function under lru_cache", CACHED, ("x + 1", "x + 2")),
    same("what lru_cache holds", CACHED, ("g(5)", "g(6)")),
    different("registered implementation", DISPATCH, ("return 2", "return 3")),
    different("default implementation", DISPATCH, ("return 1", "return 4")),
    different("type of an implementation", DISPATCH, ("x: int", "x: str")),
    different("decorator that is a class", CLASS_DECORATOR, ("2 * self.g", "3 * self.g")),
    different(
        "function in a decorator that is a class", CLASS_DECORATOR, ("return x\n", "return -x\n")
    ),
    same(
        "decorator that returns the function",
        "def mark(g):\n    return g\n\n@mark\ndef f(x):\n    return x\n",
        ("    return g\n", "    print(g)\n    return g\n"),
    ),
    different(
        "context manager",
        """
        from contextlib import contextmanager

        @contextmanager
        def scope(x):
            yield x + 1

        def f(x):
            with scope(x) as y:
                return y
        """,
        ("x + 1", "x + 2"),
    ),
    different(
        "cached property",
        """
        from functools import cached_property

        class A:
            @cached_property
            def g(self):
                return 1

        def f(x):
            return A().g
        """,
        ("return 1", "return 2"),
    ),
]
