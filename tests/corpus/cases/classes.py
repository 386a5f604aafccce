"""Classes that the function uses, or that its arguments are of."""

from tests.corpus.case import different, same

PLAIN = """
class Base:
    rate = 2
    def scale(self, x):
        return x * self.rate

class Child(Base):
    def both(self, x):
        return self.scale(x) + 1
    @property
    def half(self):
        return self.rate / 2
    @staticmethod
    def fixed():
        return 7
    @classmethod
    def named(cls):
        return cls.rate

def f(x):
    return Child().both(x)
"""
DATA = """
from dataclasses import dataclass, field

@dataclass
class Leg:
    price: float
    count: int = 1
    notes: list = field(default_factory=list)
    def total(self):
        return self.price * self.count

def f(leg):
    return leg.total()

CALL = ((Leg(2.0),), {})
"""
ENUM = """
import enum

class Colour(enum.Enum):
    RED = 1
    BLUE = 2
    def shade(self):
        return self.value * 10

def f(x):
    return Colour.RED.shade()
"""
SLOTS = """
class Point:
    __slots__ = ('a', 'b')
    def __init__(self, a, b):
        self.a, self.b = a, b

def f(p):
    return p.a

CALL = ((Point(1, 2),), {})
"""
OWN_KEY = """
class Table:
    def __init__(self, name, cache):
        self.name, self.cache = name, cache
    def __elsewhere_key__(self):
        return self.name

def f(t):
    return t.name

CALL = ((Table('a', 1),), {})
"""
META = """
class Meta(type):
    def __call__(cls, *args):
        return 5

class Thing(metaclass=Meta):
    pass

def f(x):
    return Thing()
"""
CLASSES = [
    different("method", PLAIN, ("self.scale(x) + 1", "self.scale(x) + 2")),
    different("method of the base", PLAIN, ("x * self.rate", "x + self.rate")),
    different("attribute of the base", PLAIN, ("rate = 2", "rate = 3")),
    different("property", PLAIN, ("self.rate / 2", "self.rate / 4")),
    different("static method", PLAIN, ("return 7", "return 8")),
    different("class method", PLAIN, ("return cls.rate", "return -cls.rate")),
    different("another base", PLAIN, ("class Child(Base):", "class Child(Base, dict):")),
    same("docstring of a class", PLAIN, ("class Base:", "class Base:\n    '''Words.'''")),
    same(
        "order of methods",
        PLAIN,
        ("    @staticmethod\n    def fixed():\n        return 7\n", ""),
        (
            "    @property\n",
            "    @staticmethod\n    def fixed():\n        return 7\n    @property\n",
        ),
    ),
    different("method of a data class", DATA, ("price * self.count", "price + self.count")),
    different("default of a field", DATA, ("count: int = 1", "count: int = 2")),
    different("factory of a field", DATA, ("default_factory=list", "default_factory=set")),
    different("field of an argument", DATA, ("Leg(2.0)", "Leg(3.0)")),
    same("annotation of a field", DATA, ("price: float", "price: 'int'")),
    same("spelling of a field", DATA, ("Leg(2.0)", "Leg(count=1, price=2.0)")),
    different(
        "a field that is not compared",
        DATA,
        ("count: int = 1", "count: int = field(default=1, compare=False)"),
    ),
    different("value of a member", ENUM, ("RED = 1", "RED = 3")),
    different("method of an enum", ENUM, ("* 10", "* 11")),
    same("nothing, of an enum", ENUM),
    different("slot of an argument", SLOTS, ("Point(1, 2)", "Point(1, 3)")),
    same("nothing, of slots", SLOTS),
    same("what a class leaves out of its key", OWN_KEY, ("'a', 1", "'a', 2")),
    different("what a class puts into its key", OWN_KEY, ("'a', 1", "'b', 1")),
    different("method of a metaclass", META, ("return 5", "return 6")),
    different(
        "method replaced from outside",
        "class A:\n    def g(self):\n        return 1\n\ndef f(x):\n    return A().g()\n",
        ("def f", "A.g = lambda self: 2\n\ndef f"),
    ),
    different(
        "constant of a class",
        "class Config:\n    A = 1\n    B = 2\n\ndef f(x):\n    return Config.A\n",
        ("A = 1", "A = 3"),
    ),
    same(
        "constant of a class that is not read",
        "class Config:\n    A = 1\n    B = 2\n\ndef f(x):\n    return Config.A\n",
        ("B = 2", "B = 3"),
    ),
    different(
        "method of an object that is a global",
        "class A:\n    def g(self):\n        return 1\n\na = A()\n\ndef f(x):\n    return a.g()\n",
        ("return 1", "return 2"),
    ),
    different(
        "method with super",
        """
        class A:
            def g(self):
                return 1

        class B(A):
            def g(self):
                return super().g()

        b = B()

        def f(x):
            return b.g()
        """,
        ("return 1", "return 2"),
    ),
    different(
        "helper of a method",
        """
        def helper():
            return 1

        class A:
            def g(self):
                return helper()

        def f(x):
            return A().g()
        """,
        ("return 1", "return 2"),
    ),
    different(
        "named tuple",
        """
        from typing import NamedTuple

        class P(NamedTuple):
            a: int
            b: int = 5
            def g(self):
                return self.b

        def f(x):
            return P(x).g()
        """,
        ("= 5", "= 6"),
    ),
    different(
        "class inside the function",
        """
        def f(x):
            class A:
                rate = 2
            return A.rate
        """,
        ("rate = 2", "rate = 3"),
    ),
    different(
        "descriptor",
        """
        class Double:
            def __get__(self, owner, kind):
                return 2

        class A:
            x = Double()

        def f(x):
            return A().x
        """,
        ("return 2", "return 3"),
    ),
    different(
        "class decorator",
        """
        def mark(kind):
            kind.rate = 2
            return kind

        @mark
        class A:
            pass

        def f(x):
            return A().rate
        """,
        ("kind.rate = 2", "kind.rate = 3"),
    ),
    different(
        "bound method as a global",
        "class A:\n    def g(self, x):\n        return x\n\ng = A().g\n\ndef f(x):\n    return g(x)\n",
        ("        return x\n", "        return -x\n"),
    ),
]
