"""Calls that are given futures come out as the same calls do, one after another."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere import Pool
from tests.system.inputs import Node, combine, make_graph

KINDS = ["plain"] * 6 + ["pure", "patient", "fails"]


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param) as pool:
        yield pool


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    nodes: list[Node] = []
    for name in range(draw(st.integers(1, 30))):
        sources = draw(st.lists(st.integers(0, name - 1), max_size=4)) if name else []
        nodes.append(Node(draw(st.sampled_from(KINDS)), tuple(sources), draw(st.booleans())))
    return nodes


def expected(nodes: list[Node]) -> list[tuple[int | None, set[int]]]:
    """The value of each node, or else the failures that it may have to tell of."""
    found: list[tuple[int | None, set[int]]] = []
    for name, node in enumerate(nodes):
        failures = set().union(*[found[source][1] for source in node.sources])
        if failures:
            found.append((None, failures))
        elif node.kind == "fails":
            found.append((None, {name}))
        else:
            found.append((combine(name, [found[source][0] for source in node.sources]), set()))
    return found


def check(nodes: list[Node], outcomes: list[tuple[str, int]]) -> None:
    for (verdict, told), (value, failures) in zip(outcomes, expected(nodes), strict=True):
        if failures:
            assert verdict == "failed"
            assert told in failures
        else:
            assert (verdict, told) == ("value", value)


@given(nodes=graphs())
def test_without_a_pool(nodes: list[Node]) -> None:
    check(nodes, make_graph(nodes))


@given(nodes=graphs())
def test_from_a_client(pool: Pool, nodes: list[Node]) -> None:
    check(nodes, make_graph(nodes, pool.submit))


@given(nodes=graphs())
def test_inside_a_call(pool: Pool, nodes: list[Node]) -> None:
    check(nodes, pool.submit(make_graph, nodes).result(60))
