"""Values come back as they went, and what cannot travel is found wherever it hides."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.codec.values import dumps, dumps_by_value, loads
from elsewhere.errors import NotPicklable

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
    | st.just("__main__"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.frozensets(st.integers() | st.text(), max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("encode", [dumps, dumps_by_value])
def test_plain_data_comes_back_as_it_went(encode: Any) -> None:
    @given(PLAIN)
    def check(value: Any) -> None:
        back = loads(encode(value, "value"))
        assert back == value
        assert type(back) is type(value)

    check()


@given(PLAIN)
def test_a_closure_brings_what_it_captures(value: Any) -> None:
    assert loads(dumps(lambda: value, "function"))() == value


LOCK = threading.Lock()


@st.composite
def hidden(draw: st.DrawFn) -> tuple[Any, str]:
    """A value with a lock somewhere inside, and the path to it."""
    value: Any = LOCK
    path = ""
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            before = draw(st.lists(PLAIN, max_size=3))
            value = [*before, value, *draw(st.lists(PLAIN, max_size=3))]
            path = f"[{len(before)}]{path}"
        else:
            others = draw(st.dictionaries(st.integers(), PLAIN, max_size=3))
            key = draw(st.integers())
            value = {**others, key: value}
            path = f"[{key!r}]{path}"
    return value, path


@given(hidden())
def test_what_cannot_travel_is_found_wherever_it_hides(case: tuple[Any, str]) -> None:
    value, path = case
    with pytest.raises(NotPicklable) as info:
        dumps(value, "args")
    assert info.value.path == "args" + path
    assert "a _thread.lock cannot be pickled" in info.value.what
