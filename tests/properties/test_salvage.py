"""Of an encoded list whose decoding fails, every value before the one that fails is had."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.codec.salvage import loads_each
from elsewhere.codec.values import dumps, dumps_by_value, load_list
from tests.properties.test_values import PLAIN

ENCODERS = [dumps, dumps_by_value]


def refuse(reason: object) -> None:
    raise ValueError(reason)


class Refuses:
    """Can be encoded and not be decoded; `inside` is decoded first."""

    def __init__(self, inside: object = "no") -> None:
        self.inside = inside

    def __reduce__(self) -> tuple[object, tuple[object]]:
        return refuse, (self.inside,)


class Stateful:
    """Has itself inside, and is decoded in several steps."""

    def __init__(self, value: object) -> None:
        self.me = self
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stateful) and other.value == self.value and other.me is other

    __hash__ = None  # type: ignore[assignment]  # it is no key


LARGE = [b"x" * 70_000, b"y" * 70_001]
VALUES = PLAIN | PLAIN.map(Stateful) | st.sampled_from(LARGE)


@pytest.mark.parametrize("encode", ENCODERS)
def test_a_list_that_can_be_decoded_is_decoded(encode: Any) -> None:
    @given(st.lists(VALUES, max_size=9))
    def check(values: list[Any]) -> None:
        assert loads_each(encode(values, "values")) == (values, None)

    check()


@pytest.mark.parametrize("encode", ENCODERS)
def test_the_values_before_the_one_that_refuses_are_had(encode: Any) -> None:
    @given(st.lists(VALUES, max_size=5), st.lists(VALUES | st.just(Refuses()), max_size=3), VALUES)
    def check(before: list[Any], after: list[Any], inside: Any) -> None:
        for refusing in (Refuses(inside), [1, {"in": Refuses(inside)}]):
            values, error = load_list(encode([*before, refusing, *after], "values"))
            assert values == before
            assert isinstance(error, ValueError)
            assert error.args == (inside,)

    check()


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 2500])
def test_long_lists_are_followed_through_all_their_parts(count: int) -> None:
    before = [(number, "shared", Stateful) for number in range(count)]
    values, error = load_list(dumps([*before, Refuses(), *before], "values"))
    assert values == before
    assert isinstance(error, ValueError)


def test_what_values_share_they_go_on_sharing() -> None:
    shared = ["shared"]
    values, _ = load_list(dumps([shared, (shared,), Refuses()], "values"))
    assert values[1][0] is values[0]


def test_a_value_that_refuses_only_once_fails_nothing() -> None:
    values = [1, Once(), 3]
    Once.refused = False
    decoded, error = load_list(dumps(values, "values"))
    assert decoded == [1, "at last", 3]
    assert error is None


class Once:
    refused = False

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return refuse_once, ()


def refuse_once() -> str:
    if not Once.refused:
        Once.refused = True
        raise ValueError("not yet")
    return "at last"
