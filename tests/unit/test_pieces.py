"""Chunks of every kind are counted, cut, taken from and joined alike."""

import operator
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import accumulate, chain, pairwise
from typing import Any

import pytest

from elsewhere.pieces import shuffling, works
from elsewhere.pieces.kinds import join, kind_of
from elsewhere.pieces.places import shares
from tests.requirements import need

ROWS = [("a", 1), ("b", 2), (None, 3), ("a", 4), ("c", 5), ("b", 6)]


def make_list() -> Any:
    return list(ROWS)


def make_array() -> Any:
    import numpy as np

    return np.array(ROWS, dtype=[("k", "O"), ("v", "i8")])


def make_frame() -> Any:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    import pandas as pd

    return pd.DataFrame(ROWS, columns=["k", "v"], index=list("uvwxyz"))


def make_table() -> Any:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import pyarrow as pa

    return pa.table({"k": [k for k, _ in ROWS], "v": [v for _, v in ROWS]})


def make_batch() -> Any:
    return make_table().to_batches()[0]


TABLES: list[Callable[[], Any]] = [make_array, make_frame, make_table, make_batch]
ALL = [make_list, *TABLES]


def rows_of(chunk: Any) -> list[tuple[Any, int]]:
    """What a chunk of any kind has, as `ROWS` are."""
    if hasattr(chunk, "to_pylist"):
        return [(row["k"], row["v"]) for row in chunk.to_pylist()]
    if hasattr(chunk, "itertuples"):
        rows = chunk.itertuples(index=False, name=None)
        return [(k if isinstance(k, str) else None, v) for k, v in rows]
    return [tuple(row) for row in chunk]


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    "where", [slice(1, 4), slice(0, 0), slice(5, None, -2), slice(0, 6, 4), slice(4, 1, -1)]
)
def test_a_cut_is_what_a_list_has_there(make: Callable[[], Any], where: slice) -> None:
    assert rows_of(works.cut(where, make())) == ROWS[where]


@pytest.mark.parametrize("make", ALL)
def test_chunks_are_counted_and_joined(make: Callable[[], Any]) -> None:
    chunk = make()
    assert works.count(chunk) == 6
    assert works.first(2, chunk)[0] == 2
    assert works.first(9, chunk)[0] == 6
    parts = [works.cut(slice(*span), chunk) for span in ((0, 0), (0, 2), (2, 6))]
    assert rows_of(join(parts)) == ROWS
    assert len(list(kind_of(chunk).elements(chunk))) == 6


@pytest.mark.parametrize("make", TABLES)
@pytest.mark.parametrize("key", ["k", "v", ["k"], ["k", "v"]])
def test_rows_with_equal_keys_come_to_one_part(make: Callable[[], Any], key: Any) -> None:
    ordered, begins = shuffling.sort_by_key(key, 4, make())
    parts = [shuffling.join_part(part, (ordered, begins)) for part in range(4)]
    assert sorted(row[1] for part in parts for row in rows_of(part)) == [1, 2, 3, 4, 5, 6]
    named = [{row[0] for row in rows_of(part)} for part in parts]
    if key in ("k", ["k"]):
        assert sum(map(len, named)) == 4, "a key is in two parts"
    for part in parts:
        assert [row[1] for row in rows_of(part)] == sorted(row[1] for row in rows_of(part))


def test_all_kinds_put_equal_keys_into_the_same_part() -> None:
    def home(chunk: Any, key: Any) -> dict[Any, int]:
        found = shuffling.sort_by_key(key, 3, chunk)
        parts = [rows_of(shuffling.join_part(part, found)) for part in range(3)]
        return {row[0]: number for number, part in enumerate(parts) for row in part}

    first = home(make_list(), lambda row: row[0])
    assert set(first) == {"a", "b", "c", None}
    assert all(home(make(), "k") == first for make in TABLES)


def test_of_an_array_the_bounds_are_where_parts_begin() -> None:
    import numpy as np

    ordered, begins = shuffling.sort_by_key(None, 3, np.arange(-50, 50))
    assert begins[0] == 0
    assert begins[-1] == 100
    homes = [set(ordered[begin:end].tolist()) for begin, end in pairwise(begins)]
    assert sum(map(len, homes)) == 100


def test_masks_survive_a_join() -> None:
    import numpy as np

    chunk = np.ma.array([1, 2, 3], mask=[False, True, False])
    assert join([chunk, chunk]).tolist() == [1, None, 3, 1, None, 3]
    assert sum(shuffling.sort_by_key(None, 2, chunk)[1]) > 0


def test_arrow_arrays_are_chunks_too() -> None:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import pyarrow as pa

    array = pa.array(["x", None, "y", "x"])
    both = join([array, pa.chunked_array([array, array])])
    assert both.to_pylist() == ["x", None, "y", "x"] * 3
    found = shuffling.sort_by_key(None, 5, both)
    parts = [shuffling.join_part(part, found).to_pylist() for part in range(5)]
    assert sorted(chain.from_iterable(parts), key=str) == sorted(["x", None, "y", "x"] * 3, key=str)
    assert sum(len({*part}) for part in parts) == 3, "a key is in two parts"
    for keys in (pa.array([1.0, None]), pa.array([1, None]), pa.array([1, 1]).dictionary_encode()):
        assert len(kind_of(keys).hashes(keys)) == 2
    nested = pa.array([(1, 2), None], pa.list_(pa.int64()))
    assert len({*kind_of(nested).hashes(nested)}) == 2


def test_what_has_no_columns_says_so() -> None:
    import numpy as np

    for chunk in ([1], 5, np.arange(3)):
        with pytest.raises(TypeError, match="no column 'k': give a function of an element"):
            shuffling.sort_by_key("k", 2, chunk)
    with pytest.raises(TypeError, match="of one dimension, not 2"):
        shuffling.sort_by_key(None, 2, np.eye(2))


def test_a_table_alone_is_no_key() -> None:
    for make in (make_frame, make_table):
        with pytest.raises(TypeError, match="2 columns: say by which"):
            shuffling.sort_by_key(None, 2, make())


def test_a_shuffle_of_tables_names_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table()
    monkeypatch.delitem(sys.modules, "numpy")
    with pytest.raises(ImportError, match="needs numpy: pip install numpy"):
        shuffling.sort_by_key(len, 2, table)


def test_chunks_of_two_types_are_not_joined() -> None:
    import numpy as np

    with pytest.raises(TypeError, match=r"chunk 0 is a list, chunk 1 a numpy\.ndarray"):
        join([[1], np.arange(2)])
    frame = make_frame()
    with pytest.raises(TypeError, match="frames and series"):
        join([frame, frame["k"]])


def test_any_other_value_is_one_element() -> None:
    for value in (5, "text", (1, 2), {"a": 1}, None, sys):
        assert works.count(value) == 1
        assert works.element(0, value) is value
        assert works.first(0, value) == (0, [])
    assert join([5, "text"]) == [5, "text"]
    assert join([]) == []
    assert shuffling.join_part(0, shuffling.sort_by_key(None, 1, 5)) == [5]


def test_chunks_that_meet_have_equal_lengths() -> None:
    import numpy as np

    for work in (works.pair, lambda *both: works.operate_both(max, *both)):
        with pytest.raises(ValueError, match=r"of 1 and 3 elements do not fit.*align"):
            work(np.arange(1), np.arange(3))
    with pytest.raises(ValueError, match="of 2 elements has 3 keys"):
        shuffling.sort_by_keys(2, [1, 2], [1, 2, 3])


@pytest.mark.parametrize("step", [1, 2, 3, 7, -1, -2, -5])
def test_shares_are_what_each_chunk_has_of_a_slice(step: int) -> None:
    lengths = [3, 0, 1, 4, 0, 2]
    everything = list(range(10))
    begins = [0, *accumulate(lengths)]
    for start in range(-1, 11):
        for stop in range(-1, 11):
            wanted = range(10)[start:stop:step]
            found = [
                one
                for share in shares(wanted, lengths)
                for one in everything[begins[share.chunk] : begins[share.chunk + 1]][
                    share.as_slice()
                ]
            ]
            assert found == list(wanted)


def arrow() -> Any:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import pyarrow as pa

    return pa


BINARY = [
    (operator.add, [4, 5, None]), (operator.sub, [0, 1, None]), (operator.mul, [4, 6, None]),
    (operator.truediv, [1, 1, None]), (operator.pow, [4, 9, None]), (operator.and_, [2, 2, None]),
    (operator.or_, [2, 3, None]), (operator.xor, [0, 1, None]), (operator.lshift, [8, 12, None]),
    (operator.rshift, [0, 0, None]), (operator.eq, [True, False, None]),
    (operator.ne, [False, True, None]), (operator.lt, [False, False, None]),
    (operator.le, [True, False, None]), (operator.gt, [False, True, None]),
    (operator.ge, [True, True, None]),
]  # fmt: skip


@pytest.mark.parametrize(("operate", "wanted"), BINARY)
def test_operators_of_arrow_arrays_meet_their_elements(operate: Any, wanted: list[Any]) -> None:
    pa = arrow()
    for left in (pa.array([2, 3, None]), pa.chunked_array([[2], [3, None]])):
        for right in (2, pa.scalar(2)):
            assert works.operate_on(operate, left, right).to_pylist() == wanted
        twos = (pa.array([2, 2, 2]), pa.chunked_array([[2, 2], [2]]), [2, 2, 2])
        for others in twos:
            assert works.operate_both(operate, left, others).to_pylist() == wanted


def test_an_arrow_array_may_stand_on_the_right_and_alone() -> None:
    pa = arrow()
    for array in (pa.array([1, -2, None]), pa.chunked_array([[1], [-2, None]])):
        assert works.operate_swapped(operator.sub, array, 10).to_pylist() == [9, 12, None]
        for operate, wanted in (
            (operator.neg, [-1, 2, None]),
            (operator.pos, [1, -2, None]),
            (operator.abs, [1, 2, None]),
            (operator.invert, [-2, 1, None]),
        ):
            assert works.operate_alone(operate, array).to_pylist() == wanted
    bools = pa.array([True, False, None])
    assert works.operate_alone(operator.invert, bools).to_pylist() == [False, True, None]
    assert works.operate_on(operator.and_, bools, False).to_pylist() == [False] * 3


def test_what_arrow_has_no_operator_for_is_refused() -> None:
    pa = arrow()
    with pytest.raises(TypeError, match=r"Arrow has no operator mod of arrays: .* xs.map"):
        works.operate_on(operator.mod, pa.array([1]), 2)
    table = pa.table({"a": [1]})
    for operate in (operator.eq, operator.add):
        with pytest.raises(TypeError, match=r"of a pyarrow.lib.Table has no meaning"):
            works.operate_both(operate, table, table)
