"""Canonical bytes are equal exactly if values are, and none begins with another."""

import sys
import types
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from elsewhere.keys.key import key_of
from elsewhere.keys.node import Node, root_digest
from elsewhere.keys.parts import KeyPart, Parts, differences, explain
from tests.unit.keys import encoded, fresh_key

texts = st.text(st.characters(), max_size=3)
hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | texts
    | st.binary(max_size=3)
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.sets(hashable, max_size=3)
    ),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    """The value with its types spelt out, so that equality means what it should for keys."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple)):
        return kind, [shape(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(map(repr, map(shape, value)))
    if isinstance(value, dict):
        return kind, sorted(repr((shape(key), shape(item))) for key, item in value.items())
    return kind, repr(value)


def rebuilt(value: Any) -> Any:
    """An equal value that shares nothing with it, dicts and sets being filled the other way round."""
    if isinstance(value, (list, tuple)):
        return type(value)(rebuilt(item) for item in value)
    if isinstance(value, (set, frozenset)):
        return type(value)(rebuilt(item) for item in reversed(list(value)))
    if isinstance(value, dict):
        return {rebuilt(key): rebuilt(item) for key, item in reversed(value.items())}
    return value


@given(values)
def test_equal_values_have_equal_bytes(value: Any) -> None:
    assert encoded(rebuilt(value)) == encoded(value)


@given(values, values)
def test_different_values_have_different_bytes(one: Any, other: Any) -> None:
    assert (encoded(one) == encoded(other)) == (shape(one) == shape(other))


@given(values, values)
def test_no_bytes_begin_with_those_of_another_value(one: Any, other: Any) -> None:
    first, second = encoded(one), encoded(other)
    assert first == second or not first.startswith(second)


@given(st.lists(values, max_size=3), st.lists(values, max_size=3))
def test_arguments_do_not_run_together(one: list[Any], other: list[Any]) -> None:
    def called(*args: Any) -> None:
        return

    same = shape(tuple(one)) == shape(tuple(other))
    assert (key_of(called, tuple(one)) == key_of(called, tuple(other))) == same


# A graph: for each node its text, and the nodes that it refers to.
graphs = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 4), max_size=3)),
    min_size=5,
    max_size=5,
)


def root_of(graph: list[tuple[str, list[int]]]) -> Node:
    nodes = [Node() for _ in graph]
    for node, (text, targets) in zip(nodes, graph, strict=True):
        node.parts = [text.encode(), *(nodes[target] for target in targets)]
    return nodes[0]


def unrolled(graph: list[tuple[str, list[int]]], depth: int, place: int = 0) -> Any:
    """What is met by following references, as far as `depth`."""
    text, targets = graph[place]
    inner = [unrolled(graph, depth - 1, target) for target in targets] if depth else []
    return text, inner


@given(graphs, graphs)
def test_two_graphs_have_one_digest_if_they_cannot_be_told_apart(
    one: list[tuple[str, list[int]]], other: list[tuple[str, list[int]]]
) -> None:
    # Two graphs of five nodes that differ at all do so within ten steps; 3**6 paths are enough to try.
    same = root_digest(root_of(one)) == root_digest(root_of(other))
    if same or unrolled(one, 6) != unrolled(other, 6):
        assert same == (unrolled(one, 6) == unrolled(other, 6))


names = st.sampled_from("abc")
key_parts = st.builds(
    KeyPart,
    kind=st.sampled_from(["argument", "constant"]),
    name=names,
    digest=st.binary(min_size=1, max_size=1),
    shown=texts,
)


def parts_of_unique(found: list[KeyPart]) -> Parts:
    unique = {(part.kind, part.name): part for part in found}
    said = sorted((part.kind, part.name, part.digest) for part in unique.values())
    return Parts(key=repr(said).encode(), parts=tuple(unique.values()))


many_parts = st.builds(parts_of_unique, st.lists(key_parts, max_size=4))


@given(many_parts, many_parts)
def test_differences_are_those_of_digests(old: Parts, new: Parts) -> None:
    told = {(one.kind, one.name) for one in differences(old, new)}
    digests = [{(p.kind, p.name, p.digest) for p in both.parts} for both in (old, new)]
    assert told == {(kind, name) for kind, name, _ in digests[0] ^ digests[1]}
    assert Parts.from_bytes(old.to_bytes()) == old
    assert all(name in explain(new, old) for _, name in told)


class Module(RuleBasedStateMachine):
    """Changes a module at random; the remembered fingerprint is always that of a fresh look."""

    @initialize()
    def begin(self) -> None:
        module = sys.modules["module_of_a_property"] = types.ModuleType("module_of_a_property")
        self.space = vars(module)
        text = (
            "a = b = c = 0\nclass K:\n    def m(self): return a\nk = K()\n"
            "def g(x): return h(x), b, k.m()\ndef h(x): return g(x), c, K.r\nK.r = 0\n"
            "def f(x): return g(x)"
        )
        exec(text, self.space)

    @rule(name=st.sampled_from("abcghkx"), new=st.integers(0, 2))
    def rebind(self, name: str, new: int) -> None:
        self.space[name] = new

    @rule(name=st.sampled_from("abc"), to=st.sampled_from("fghkK"))
    def alias(self, name: str, to: str) -> None:
        self.space[name] = self.space.get(to)

    @rule(name=st.sampled_from("gh"), n=st.integers(0, 2), uses=st.sampled_from("abcfghk"))
    def define(self, name: str, n: int, uses: str) -> None:
        exec(f"def {name}(x, y={n}): return {uses}, y", self.space)

    @rule(name=st.sampled_from("mrs"), n=st.integers(0, 2))
    def set_in_class(self, name: str, n: int) -> None:
        setattr(self.space["K"], name, n)

    @rule(name=st.sampled_from("abck"))
    def hold_a_list(self, name: str) -> None:
        self.space[name] = [self.space.get("f"), self.space.get(name)]

    @rule(name=st.sampled_from("abckghx"))
    def grow(self, name: str) -> None:
        if isinstance(self.space.get(name), list):
            self.space[name].append(len(self.space[name]))

    @rule(name=st.sampled_from("abcghk"))
    def delete(self, name: str) -> None:
        self.space.pop(name, None)

    @rule(n=st.integers(0, 2))
    def set_on_function(self, n: int) -> None:
        self.space["f"].note = [n]

    @invariant()
    def the_key_is_not_stale(self) -> None:
        if hasattr(self, "space"):
            assert key_of(self.space["f"], (1,)) == fresh_key(self.space["f"], 1)

    def teardown(self) -> None:
        sys.modules.pop("module_of_a_property", None)


TestModule = Module.TestCase
