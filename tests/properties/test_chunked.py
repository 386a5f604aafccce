"""What a Chunked does is what a list does, whatever the elements and however they are cut."""

from collections import Counter
from itertools import accumulate, pairwise
from operator import add, sub
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere import Chunked
from elsewhere.chunked import send
from elsewhere.pieces import works

ELEMENTS = st.lists(st.integers(-100, 100) | st.text(max_size=3) | st.none(), max_size=30)
NUMBERS = st.lists(st.integers(-100, 100), max_size=30)
LENGTHS = st.lists(st.integers(0, 5), min_size=1, max_size=6)
PARTS = st.integers(1, 6)
ENDS = st.none() | st.integers(-40, 40)
STEPS = st.none() | st.integers(-5, 5).filter(bool)


def cut_as(values: list[Any], lengths: list[int]) -> Chunked:
    """`values` in chunks of `lengths`, whose sum is as much; how many that are is not known yet."""
    spans = pairwise([0, *accumulate(lengths)])
    return Chunked.of(send(works.same, values[begin:end]) for begin, end in spans)


@st.composite
def cut_lists(draw: st.DrawFn) -> tuple[list[int], Chunked]:
    lengths = draw(LENGTHS)
    total = sum(lengths)
    values = draw(st.lists(st.integers(-100, 100), min_size=total, max_size=total))
    return values, cut_as(values, lengths)


@given(ELEMENTS, PARTS)
def test_what_is_split_is_gathered_again(values: list[Any], parts: int) -> None:
    xs = Chunked.split(values, parts)
    assert xs.gather() == values == list(xs)
    assert len(xs) == len(values)
    assert len(xs.chunks) == parts
    assert max(xs.lengths()) - min(xs.lengths()) <= 1
    assert Chunked.of(xs.chunks).lengths() == xs.lengths()


@given(cut_lists(), ENDS, ENDS, STEPS)
def test_a_slice_is_a_lists(
    cut: tuple[list[int], Chunked], start: int | None, stop: int | None, step: int | None
) -> None:
    values, xs = cut
    found = xs[start:stop:step]
    assert found.gather() == values[start:stop:step]
    assert Chunked.of(found.chunks).lengths() == found.lengths()


@given(cut_lists(), st.integers(-35, 35))
def test_an_element_is_a_lists(cut: tuple[list[int], Chunked], place: int) -> None:
    values, xs = cut
    if -len(values) <= place < len(values):
        assert xs[place] == values[place]
    else:
        with pytest.raises(IndexError):
            xs[place]


@given(cut_lists(), st.integers(0, 40))
def test_a_head_is_a_lists(cut: tuple[list[int], Chunked], elements: int) -> None:
    values, xs = cut
    assert xs.head(elements) == values[:elements]


@given(cut_lists())
def test_a_map_is_a_lists(cut: tuple[list[int], Chunked]) -> None:
    values, xs = cut
    doubled = xs.map(lambda chunk: [2 * one for one in chunk])
    assert doubled.gather() == [2 * one for one in values]
    assert (xs * 2).gather() == doubled.gather() == (xs + xs).gather() == (2 * xs).gather()
    assert (5 - xs).gather() == [5 - one for one in values] == (-(xs - 5)).gather()
    assert (xs >= 0).gather() == [one >= 0 for one in values]


@given(st.lists(st.text(max_size=3), min_size=1, max_size=70))
def test_a_reduction_keeps_the_order_of_the_chunks(texts: list[str]) -> None:
    xs = Chunked.of(send(works.same, text) for text in texts)
    assert xs.reduce(add).result() == "".join(texts)


@given(ELEMENTS, PARTS, PARTS)
def test_a_shuffle_keeps_all_and_brings_equal_keys_together(
    values: list[Any], parts: int, more: int
) -> None:
    xs = Chunked.split(values, parts).shuffle(repr, more)
    assert len(xs.chunks) == more
    assert Counter(xs.gather()) == Counter(values)
    homes = [{*chunk.result()} for chunk in xs.chunks]
    assert sum(map(len, homes)) == len({*values})


@given(ELEMENTS, PARTS, PARTS, PARTS)
def test_the_part_of_a_key_does_not_depend_on_the_chunks(
    values: list[Any], one: int, other: int, parts: int
) -> None:
    def found(chunks: int) -> list[Any]:
        xs = Chunked.split(values, chunks).shuffle(parts=parts)
        return [chunk.result() for chunk in xs.chunks]

    assert found(one) == found(other)


@given(NUMBERS, PARTS, PARTS)
def test_a_zip_is_a_lists(values: list[int], one: int, other: int) -> None:
    xs, ys = Chunked.split(values, one), Chunked.split(values[::-1], other)
    assert xs.zip(ys, xs).gather() == list(zip(values, values[::-1], values, strict=True))
    assert ys.align(xs).lengths() == xs.lengths()
    assert ys.align(xs).gather() == values[::-1]
    wanted = list(map(sub, values, values[::-1]))
    assert (xs - ys.align(xs)).gather() == wanted
