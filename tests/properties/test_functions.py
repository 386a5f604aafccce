"""The book of functions never gives a stale number, and never releases one that is in use."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from elsewhere.calls.messages import Define, Release
from elsewhere.codec import functions
from elsewhere.codec.functions import Encoded, Functions
from elsewhere.codec.values import loads

# Functions as a script has them, each of which shows all that it captures.
SHAPES = {
    "global": "def f(): return size",
    "helper": "def f(): return helper()",
    "list": "def f(): return list(items)",
    "default": "def f(x=size): return (x, size)",
    "keyword": "def f(*, x=size): return (x, size)",
    "attribute": "def f(): return getattr(f, 'note', None)",
    "closure": (
        "def make():\n"
        "    x = size\n"
        "    def f(new=None):\n"
        "        nonlocal x\n"
        "        if new is not None: x = new\n"
        "        return x\n"
        "    return f\n"
        "f = make()"
    ),
    "recursive": "def f(n=1): return f(0) + [size] if n else [helper()]",
    "method": "f = Counted(size).get",
    "instance": "f = Counted(size)",
    "builtin": "f = items.count",
    "cached": "import functools\nf = functools.cache(lambda x=1: size)",
}
START = """
size = 0
items = []
def helper(): return size
def is_function(f): return type(f) is type(helper)
class Counted:
    def __init__(self, n): self.n = n
    def get(self, *_): return self.n
    __call__ = get
"""
CHANGES = {
    "size": "size = {n}",
    "items": "items.append({n})",
    "helper": "def helper(): return {n}",
    "code": "if is_function(f) and not f.__closure__: f.__code__ = (lambda: {n}).__code__",
    "default": "if is_function(f) and f.__defaults__: f.__defaults__ = ({n},)",
    "keyword": "if is_function(f) and f.__kwdefaults__: f.__kwdefaults__['x'] = {n}",
    "attribute": "if is_function(f): f.note = {n}",
    "closure": "if is_function(f) and f.__closure__: f({n})",
    "instance": "if hasattr(getattr(f, '__self__', f), 'n'): getattr(f, '__self__', f).n = {n}",
}


def call(function: Callable[..., Any]) -> Any:
    return function(1) if getattr(function, "__name__", "") == "count" else function()


class Book(RuleBasedStateMachine):
    """Defines, changes and drops functions at random, and compares with a book that forgets all."""

    scripts = Bundle("scripts")
    in_use = Bundle("in_use")

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, bytes] = {}
        self.released: set[int] = set()
        self.book = Functions(self.tell)
        self.held: dict[int, Encoded] = {}
        self.spaces: list[dict[str, Any]] = []

    def tell(self, message: Define | Release) -> None:
        if isinstance(message, Define):
            assert message.function not in self.codes, "a number is used once"
            self.codes[message.function] = message.code
        else:
            assert not self.released.intersection(message.functions), "released once"
            self.released.update(message.functions)

    @rule(target=scripts, shape=st.sampled_from(sorted(SHAPES)))
    def define(self, shape: str) -> dict[str, Any]:
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(START, space)
        exec(SHAPES[shape], space)
        self.spaces.append(space)
        return space

    @rule(space=scripts, change=st.sampled_from(sorted(CHANGES)), n=st.integers(1, 9))
    def change(self, space: dict[str, Any], change: str, n: int) -> None:
        if "f" in space:
            exec(CHANGES[change].format(n=n), space)

    @rule(space=scripts, shape=st.sampled_from(sorted(SHAPES)))
    def rebind(self, space: dict[str, Any], shape: str) -> None:
        exec(SHAPES[shape], space)

    @rule(space=scripts)
    def delete(self, space: dict[str, Any]) -> None:
        space.pop("f", None)

    @rule()
    def collect(self) -> None:
        gc.collect()

    @rule(target=in_use, space=scripts)
    def encode(self, space: dict[str, Any]) -> int:
        """What a worker would call is what would be called here, now."""
        if "f" not in space:
            return 0
        encoded = self.book.encode(space["f"])
        there = loads(self.codes[encoded.number])
        assert repr(call(there)) == repr(call(space["f"])), "the number is stale"
        self.held[encoded.number] = encoded
        return encoded.number

    @rule(number=consumes(in_use))
    def let_go(self, number: int) -> None:
        self.held.pop(number, None)

    @invariant()
    def what_is_in_use_is_not_released(self) -> None:
        assert not self.released & self.held.keys()

    def teardown(self) -> None:
        """When everything is gone, everything is released."""
        anonymous = {encoded.number for encoded in self.book._anonymous.values()}
        self.held.clear()
        for space in self.spaces:
            space.clear()
        gc.collect()
        assert set(self.codes) - self.released <= anonymous


@pytest.fixture(autouse=True)
def few_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "ANONYMOUS_MAX", 3)


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
