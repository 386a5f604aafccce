"""A key is found again at once while nothing has changed, and anew as soon as something has."""

import sys
import threading
import types
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from elsewhere import NoKey
from elsewhere.keys.key import key_of
from tests.unit.keys import fresh_key

MODULE = "changing_module"


@pytest.fixture
def space() -> Iterator[dict[str, Any]]:
    """The namespace of a module that is there only for one test."""
    module = sys.modules[MODULE] = types.ModuleType(MODULE)
    yield vars(module)
    del sys.modules[MODULE]


# A module, and changes to it; each of them may change what f(2) gives.
CHANGES: dict[str, tuple[str, ...]] = {
    "rebound": (
        "R = 1\ndef g(x): return x * R\ndef f(x): return g(x)",
        "R = 2", "R = 2.0", "R = True", "R = [1]", "R.append(2)", "R = object()", "del R",
        "def g(x): return 5", "g.__defaults__ = (1,)", "g.__kwdefaults__ = {'y': 1}", "g.q = 1", "g.q = 2",
        "def g(x): return len(x)", "def len(x): return 1", "len = 3",
        "g.__code__ = (lambda x: x + 1).__code__",
    ),
    "object": (
        "class A:\n    r = 1\n    def g(self): return self.r\na = A()\ndef f(x): return a.g()",
        "A.r = 2", "a.r = 5", "a.z = [1]", "a.z.append(3)", "A.h = lambda self: 1",
        "A.g = lambda self: 4", "del A.g", "a.__class__ = type('B', (A,), {})", "a = A()",
    ),
    "registry": (
        "import functools\n@functools.singledispatch\ndef g(x): return 1\ndef f(x): return g(x)",
        "g.register(int, lambda x: 2)", "g.register(int, lambda x: 3)", "g.register(str, f)",
    ),
    "closure": (
        ("def make():\n    n = 0\n    def f(x): return n\n    def put(v):\n        nonlocal n\n        n = v\n"
        "    return f, put\nf, put = make()"),
        "put(1)", "put([1])", "put(f)", "put(put)",
    ),
    "default": (
        "T = {'a': 1}\ndef f(x, t=T): return t", "T['a'] = 2", "T['b'] = f", "T['c'] = T",
    ),
    "base": (
        "class A:\n    def g(self): return 1\nclass B(A): pass\ndef f(x): return B().g()",
        "A.g = lambda self: 2", "B.z = 1", "class B(A):\n    y = 1",
    ),
    "partial": (
        "import functools\nL = [1]\ndef g(a, x): return x\nh = functools.partial(g, L)\ndef f(x): return h(x)",
        "L.append(1)", "h = functools.partial(g, L, y=1)", "h.keywords['z'] = 3",
    ),
    "bound": ("L = [1]\nh = L.count\ndef f(x): return h(x)", "L.append(3)", "h = L.index"),
    "library": (
        "import math\ndef f(x): return math.sqrt(x)",
        "old = math.sqrt; math.sqrt = lambda x: 3", "math.sqrt = old",
    ),
    "builtin": (
        "import builtins\ndef f(x): return abs(x)",
        "old = builtins.abs; builtins.abs = lambda x: 1", "builtins.abs = old",
    ),
    "class constant": (
        "class A:\n    t = 1\nclass B(A): pass\ndef f(x): return B.t",
        "B.t = 2", "A.t = 3\ndel B.t", "A.t = [1]", "A.t.append(2)",
    ),
    "enum": (
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def g(s): return 1\ndef f(x): return E.A.g()",
        "E.g = lambda s: 2",
    ),
    "metaclass": (
        "class M(type):\n    def __getattr__(c, n): return 1\nclass A(metaclass=M): pass\ndef f(x): return A.zz",
        "M.__getattr__ = lambda c, n: 2", "A.zz = 1",
    ),
    "inner": (
        "R = 1\ndef f(x):\n    class K:\n        def m(self): return R\n    return K().m()", "R = 2",
    ),
    "import inside": (
        "def f(x):\n    import found_late\n    return found_late.q",
        "import sys, types; sys.modules['found_late'] = types.ModuleType('found_late')",
        "sys.modules['found_late'].q = 1", "sys.modules['found_late'].q = 2", "del sys.modules['found_late']",
    ),
    "callable": (
        "class C:\n    def __call__(s, x): return 1\nf = C()", "C.__call__ = lambda s, x: 2", "f.y = 1",
    ),
    "slots": (
        "class D:\n    __slots__ = ('a',)\nd = D()\nd.a = 1\ndef f(x): return d.a", "d.a = 2", "del d.a",
    ),
    "late name": ("def f(x): return [y for _ in range(3)]", "y = 3", "y = 4", "del y"),
    "methods": (
        ("class A:\n    @staticmethod\n    def s(): return 1\n    @classmethod\n    def c(cls): return 2\n"
        "    @property\n    def p(self): return 3\ndef f(x): return A.s() + A.c() + A().p"),
        "A.s = staticmethod(lambda: 2)", "A.c = classmethod(lambda c: 3)", "A.p = property(lambda s: 4)",
    ),
    "circle": (
        "a = []; a.append(a)\nd = {}; d['d'] = d\ndef f(x): return a, d", "a.append(1)", "d['a'] = a", "a[0] = f",
    ),
    "recursion": ("def f(x): return x and g(x - 1)\ndef g(x): return f(x)", "def g(x): return -f(x)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_at_once(name: str, space: dict[str, Any]) -> None:
    text, *changes = CHANGES[name]
    exec(text, space)
    keys = [key_of(space["f"], (2,))]
    for change in changes:
        exec(change, space)
        keys.append(key_of(space["f"], (2,)))
        assert keys[-1] == fresh_key(space["f"], 2), f"not seen: {change}"
    assert [pair for pair in pairwise(keys) if pair[0] == pair[1]] == []


# What changes nothing that f(2) depends on.
HARMLESS: dict[str, tuple[str, ...]] = {
    "not read": ("R = 1\ndef f(x): return x", "R = 2", "def h(): return 1"),
    "class constant": ("class A:\n    t = 1\ndef f(x): return A.t", "A.u = 3", "A.g = lambda self: 1"),
    "cache": (
        "import functools\n@functools.cache\ndef g(x): return x\ndef f(x): return g(x)", "g(1)", "g(2)",
    ),
    "dispatch cache": (
        "import functools\n@functools.singledispatch\ndef g(x): return 1\ndef f(x): return g(x)", "g(1)", "g('a')",
    ),
    "environment": (
        "import os, random, time\ndef f(x): return os.environ, random.random(), time.time(), os.sep",
        "random.random()", "os.environ['A_NAME_OF_THIS_TEST'] = '1'", "del os.environ['A_NAME_OF_THIS_TEST']",
    ),
    "how it runs": ("def f(x): return x", "f.__elsewhere_task__ = 1", "f.__elsewhere_task__ = [2]"),
    "logger": ("import logging\nlog = logging.getLogger('a')\ndef f(x): log.info(x)", "log.setLevel(10)"),
    "annotations": ("def f(x): return x", "f.__annotations__['x'] = int", "f.__doc__ = 'Words.'"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_not_count_changes_nothing(name: str, space: dict[str, Any]) -> None:
    text, *changes = HARMLESS[name]
    exec(text, space)
    key = key_of(space["f"], (2,))
    for change in changes:
        exec(change, space)
        assert key_of(space["f"], (2,)) == key == fresh_key(space["f"], 2), change


REFUSED: dict[str, tuple[str, str]] = {
    "global": ("def g(x):\n    with LOCK: return x\ndef f(x): return g(x)", "changing_module.LOCK"),
    "deep": ("T = {'a': [LOCK]}\ndef f(x): return T", "changing_module.T['a'][0]"),
    "default": ("def f(x, lock=LOCK): return x", "changing_module.f.<default>.lock"),
    "closure": (
        "def make(lock):\n    def f(x): return lock\n    return f\nf = make(LOCK)",
        "changing_module.make.<locals>.f.<closure>.lock",
    ),
    "class": ("class A:\n    lock = LOCK\ndef f(x): return A()", "changing_module.A.lock"),
    "attribute": ("def f(x): return f.lock\nf.lock = LOCK", "changing_module.f.<attribute>.lock"),
    "eval": ("def f(x): return eval('x')", "changing_module.eval"),
    "in a table": ("T = [globals]\ndef f(x): return T[0]()['f']", "changing_module.T[0]"),
    "frame": ("import sys\ndef f(x): return sys._getframe()", "changing_module.sys._getframe"),
    "globals of a function": ("def f(x): return f.__globals__", "changing_module.f"),
    "any builtin": (
        "import builtins\ndef f(x): return getattr(builtins, 'ev' + 'al')",
        "changing_module.builtins.eval",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused_by_its_name(name: str, space: dict[str, Any]) -> None:
    text, path = REFUSED[name]
    space["LOCK"] = threading.Lock()
    exec(text, space)
    with pytest.raises(NoKey) as caught:
        key_of(space["f"], (2,))
    assert caught.value.path == path
    assert caught.value.remedy


def test_what_was_refused_is_taken_when_it_is_mended(space: dict[str, Any]) -> None:
    exec("T = {}\ndef f(x): return T", space)
    empty = key_of(space["f"], (2,))
    space["T"]["lock"] = threading.Lock()
    with pytest.raises(NoKey, match="lock"):
        key_of(space["f"], (2,))
    del space["T"]["lock"]
    assert key_of(space["f"], (2,)) == empty


def test_a_refusal_inside_an_argument_names_both(space: dict[str, Any]) -> None:
    space["LOCK"] = threading.Lock()
    exec("def g(): return LOCK\ndef f(x): return x", space)
    with pytest.raises(NoKey) as caught:
        key_of(space["f"], ([space["g"]],))
    assert caught.value.path == "args[0][0]: changing_module.LOCK"


def both(x: int, /, y: int = 2, *more: int, z: int = 3, **rest: int) -> None:
    return


MISSING = object()


def optional(x: object = MISSING) -> bool:
    return x is MISSING


def test_arguments_count_as_the_parameters_get_them() -> None:
    key = key_of(both, (1,))
    assert key == key_of(both, (1, 2)) == key_of(both, (1,), {"z": 3, "y": 2})
    assert key != key_of(both, (1, 2, 3))
    assert key_of(both, (1,), {"a": 1, "b": 2}) == key_of(both, (1,), {"b": 2, "a": 1})
    assert len(key) == 32


def test_a_default_that_has_no_name_can_only_be_meant_by_the_default() -> None:
    assert key_of(optional) == key_of(optional, (MISSING,)) == key_of(optional, (), {"x": MISSING})
    with pytest.raises(NoKey, match="identity"):
        key_of(optional, (object(),))


def test_arguments_that_do_not_fit_raise_as_in_a_call() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        key_of(both)
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        key_of(optional, (), {"y": 1})


def test_functions_without_a_signature_have_keys_too() -> None:
    assert key_of(max, (1, 2)) == key_of(max, (1, 2)) != key_of(max, (2, 1))
    assert key_of([3, 1].index, (1,)) != key_of([1, 3].index, (1,))


def test_a_function_that_is_gone_is_forgotten() -> None:
    def make(n: int) -> Any:
        return lambda x: x + n

    keys = {key_of(make(n), (1,)) for n in range(200)}
    assert len(keys) == 200
    assert key_of(make(7), (1,)) in keys


GIVEN = """
from typing import Annotated
from elsewhere import Depends
rate = 1
def helper(): return rate
def load(n=1): return helper()
def other(n=1): return helper() + 1
Loaded = Annotated[int, Depends(load, 2)]
def by_default(x, m=Depends(load, 2)): return x
def by_annotation(x, m: Annotated[int, Depends(load, 2)]): return x
def by_text(x, m: "Loaded"): return x
"""
GIVEN_BY = ["by_default", "by_annotation", "by_text"]


def given_key(name: str, text: str = GIVEN, *args: object) -> bytes:
    space: dict[str, Any] = {"__name__": "given_by_keys"}
    exec(text, space)
    return key_of(space[name], (1, *args))


@pytest.mark.parametrize("name", GIVEN_BY)
@pytest.mark.parametrize(
    ("old", "new"),
    [("rate = 1", "rate = 2"), ("load, 2", "load, 3"), ("load, 2", "other, 2"), ("n=1", "n=2")],
)
def test_what_a_parameter_is_given_counts(name: str, old: str, new: str) -> None:
    assert given_key(name) == given_key(name)
    assert given_key(name) != given_key(name, GIVEN.replace(old, new))
    assert given_key(name) != given_key(name, GIVEN, 5)


@pytest.mark.parametrize("name", GIVEN_BY)
def test_a_provider_that_changes_is_seen_at_once(name: str) -> None:
    space: dict[str, Any] = {"__name__": "given_by_keys"}
    exec(GIVEN, space)
    before = key_of(space[name], (1,))
    space["rate"] = 2
    changed = key_of(space[name], (1,))
    assert changed != before
    space["rate"] = 1
    assert key_of(space[name], (1,)) == before
    if name == "by_text":
        space["Loaded"] = int
        with pytest.raises(TypeError, match="missing a required argument: 'm'"):
            key_of(space[name], (1,))
