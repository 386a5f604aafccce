"""A map over workers gives what the built-in map gives, and fails where that fails."""

import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.calls.messages import Kind, Options
from elsewhere.errors import CallQuarantined, NotPicklable
from tests.unit.map_sender import Sender, WorkerDied


class Item(NamedTuple):
    """What the function does with it."""

    value: int
    fate: str = "returns"


def act(value: int, fate: str) -> object:
    if fate == "raises":
        raise KeyError(value)
    if fate == "stops":
        raise StopIteration
    if fate == "dies":
        raise WorkerDied
    if fate == "returns a lock":
        return threading.Lock()
    return -value


def act_on(item: Item) -> object:
    return act(*item)


FATES = {
    "raises": KeyError,
    "stops": RuntimeError,
    "dies": CallQuarantined,
    "returns a lock": NotPicklable,
    "is a lock": NotPicklable,
    "is never read": ZeroDivisionError,
}


def source(items: list[Item]) -> Iterator[Any]:
    for item in items:
        if item.fate == "is never read":
            raise ZeroDivisionError
        yield (threading.Lock(), "") if item.fate == "is a lock" else item


def expected(items: list[Item]) -> tuple[list[int], type[BaseException] | None]:
    values: list[int] = []
    for item in items:
        if item.fate != "returns":
            return values, FATES[item.fate]
        values.append(-item.value)
    return values, None


def collect(results: Iterator[Any]) -> tuple[list[Any], type[BaseException] | None]:
    values = []
    try:
        for value in results:
            values.append(value)  # noqa: PERF402  # what came before the error counts
    except BaseException as error:  # noqa: BLE001  # it is what is compared
        return values, type(error)
    return values, None


ITEMS = st.lists(
    st.builds(Item, st.integers(), st.sampled_from(["returns"] * 30 + sorted(FATES))), max_size=60
)
SIZES = st.none() | st.integers(1, 70)


@st.composite
def choices(draw: st.DrawFn) -> Callable[[int], int]:
    """Which of so many calls comes out next."""
    random = draw(st.randoms(use_true_random=False))
    return random.randrange


@given(
    items=ITEMS,
    kind=st.sampled_from([Kind.MAP, Kind.STARMAP]),
    chunksize=SIZES,
    buffersize=SIZES,
    workers=st.integers(1, 4),
    sized=st.booleans(),
    seconds=st.sampled_from([0.0, 1e-7, 1e-4, 1e-2, 1.0]),
    retries=st.integers(0, 2),
    choose=choices(),
    closes=st.booleans(),
)
def test_a_map_is_what_the_built_in_map_is(  # noqa: PLR0917  # each is drawn by name
    items: list[Item],
    kind: Kind,
    chunksize: int | None,
    buffersize: int | None,
    workers: int,
    sized: bool,
    seconds: float,
    retries: int,
    choose: Callable[[int], int],
    closes: bool,
) -> None:
    sender = Sender(seconds=seconds, choose=choose)
    mapping = sender.map(
        act_on if kind is Kind.MAP else act,
        source(items),
        kind=kind,
        options=Options(retries=retries),
        workers=workers,
        total=len(items) if sized else None,
        chunksize=chunksize,
        buffersize=buffersize,
    )
    results = mapping.results(None)
    first, error = collect(islice(results, 3))
    if closes and sized and error is None:
        mapping.intake.read_to_end()
    rest, late_error = collect(results)
    assert (first + rest, error or late_error) == expected(items)
    assert not sender.under_way, "nothing is left running"
    mapping.intake.meter.sum_up()
    assert mapping.intake.meter.unread_items == 0 or late_error or error
    if buffersize is not None and not (closes and sized):
        assert sender.most_items <= buffersize


@given(items=st.lists(st.integers(), min_size=1, max_size=40), read=st.integers(0, 40), size=SIZES)
def test_a_map_may_be_abandoned_anywhere(items: list[int], read: int, size: int | None) -> None:
    sender = Sender()
    results = sender.map(abs, items, chunksize=size, total=len(items)).results(None)
    assert list(islice(results, read)) == [abs(item) for item in items[:read]]
    results.close()
    assert not sender.under_way


@pytest.mark.parametrize("total", [1000, None])
def test_the_meter_comes_back_to_nothing(total: int | None) -> None:
    sender = Sender(choose=lambda count: count // 2)
    mapping = sender.map(abs, range(1000), total=total)
    assert list(mapping.results(None)) == list(range(1000))
    meter = mapping.intake.meter
    meter.sum_up()
    assert (meter.open_chunks, meter.open_items, meter.unread_bytes) == (0, 0, 0)
