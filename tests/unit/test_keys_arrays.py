"""Arrays and tables have keys by what they hold, however they lie in memory."""

import datetime as dt
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from elsewhere import NoKey
from elsewhere.keys.canonical import INLINE_BYTES_MAX
from tests.requirements import need
from tests.unit.keys import encoded

LARGE = INLINE_BYTES_MAX // 8 + 100


def big(shape: tuple[int, ...] = (LARGE,)) -> Any:
    return np.arange(np.prod(shape), dtype=np.int64).reshape(shape)


def masked(values: list[int], mask: list[int]) -> Any:
    return np.ma.MaskedArray(np.array(values), np.array(mask, dtype=bool))


def structured(padding: int) -> Any:
    kind = np.dtype(
        {"names": ["a", "b"], "formats": ["i1", "i8"], "offsets": [0, 8], "itemsize": 16}
    )
    made = np.full(3 * 16, padding, dtype=np.uint8).view(kind)
    made["a"], made["b"] = [1, 2, 3], [4, 5, 6]
    return made


class Tagged(np.ndarray[Any, Any]):
    pass


def tagged(note: str) -> Any:
    made = np.arange(3).view(Tagged)
    vars(made)["note"] = note
    return made


DISTINCT: list[Any] = [
    np.arange(6), np.arange(6.0), np.arange(6, dtype=np.int32), np.arange(6, dtype=">i8"), np.arange(7),
    np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2), np.arange(6)[::-1], np.zeros((0, 3)), np.zeros((3, 0)),
    np.array(5), np.array([5]), np.int64(5), np.int32(5), np.float64(5), np.float32(5), np.bool_(True),
    np.array([True]), np.array(["a", "bb"]), np.array([b"a", b"bb"]), np.array(["a", 1], dtype=object),
    np.array(["a", 2], dtype=object), np.datetime64("2020-01-01"), np.datetime64("2020-01-01", "s"),
    np.array(["2020-01-01"], dtype="M8[D]"), np.array([1], dtype="m8[s]"), np.array([1], dtype="m8[ms]"),
    np.array([1j]), np.longdouble(1) / 3, np.longdouble(1), np.dtype("f4"), np.dtype([("a", "i1")]), np.add, np.multiply,
    structured(0), structured(0)[["a"]], masked([1, 2], [0, 1]), masked([1, 2], [0, 0]), tagged("a"), tagged("b"),
    np.random.default_rng(1), np.random.default_rng(2), big(), big() + 1, 5, 5.0, [0, 1, 2, 3, 4, 5], np.sum, np.mean,
]  # fmt: skip


def test_no_two_different_arrays_have_the_same_bytes() -> None:
    seen: dict[bytes, Any] = {}
    for value in DISTINCT:
        data = encoded(value)
        assert data not in seen, f"{value!r} and {seen[data]!r}"
        seen[data] = value


@pytest.mark.parametrize("shape", [(4, 6), (3, LARGE), (LARGE, 3), (2, 3, LARGE)])
def test_the_layout_of_an_array_does_not_count(shape: tuple[int, ...]) -> None:
    array = big(shape)
    frozen = array.copy()
    frozen.flags.writeable = False
    spread = np.zeros((*shape[:-1], 2 * shape[-1]), dtype=np.int64)
    spread[..., ::2] = array
    for same in (np.asfortranarray(array), frozen, spread[..., ::2], array[::-1][::-1]):
        assert encoded(same) == encoded(array)
    assert encoded(np.asfortranarray(array + 1)) != encoded(array)


def test_what_lies_between_fields_does_not_count() -> None:
    assert encoded(structured(0)) == encoded(structured(255))


def test_a_large_array_is_represented_by_its_digest() -> None:
    assert len(encoded(big((LARGE, 100)))) < 200


def test_an_array_names_the_place_of_what_it_cannot_hold() -> None:
    with pytest.raises(NoKey) as caught:
        encoded(np.array([1, (n for n in range(3))], dtype=object))
    assert caught.value.path == "[1]"


def test_a_function_made_into_a_ufunc_is_refused() -> None:
    with pytest.raises(NoKey, match="which it is not"):
        encoded(np.frompyfunc(abs, 1, 1))


def test_keys_of_plain_values_import_no_numpy() -> None:
    text = (
        "import sys; from elsewhere.keys.key import key_of; key_of(len, ([1, {'a': 2.0}],)); "
        "print(sorted({'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def frames() -> list[Any]:
    import pandas as pd

    plain = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    return [
        plain, plain[["b", "a"]], plain.rename(columns={"a": "c"}), plain.set_index("b"), plain.astype({"a": float}),
        plain.iloc[::-1], plain.iloc[:1], plain.iloc[:0], plain["a"], plain["a"].rename("z"), plain["b"], plain.index, plain.columns,
        pd.Series([1, 2]), pd.Series([1, None], dtype="Int64"), pd.Series([1, 2], dtype="Int64"), pd.Series([1, 2], dtype="category"),
        pd.Series(pd.Categorical([1, 2], categories=[2, 1])), pd.Series(pd.Categorical([1, 2], ordered=True)),
        pd.Series(["x", None], dtype="string"), pd.Series([True, None], dtype="boolean"), pd.date_range("2020", periods=2),
        pd.date_range("2020", periods=2, tz="Europe/Berlin"), pd.date_range("2020", periods=2, tz="UTC"), pd.period_range("2020", periods=2, freq="D"),
        pd.timedelta_range("1s", periods=2), pd.interval_range(0, 2), pd.MultiIndex.from_product([[1], [2]]), pd.MultiIndex.from_product([[2], [1]]),
        pd.Series(pd.arrays.SparseArray([0, 1])), pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02"), pd.Timedelta(1), pd.NaT, pd.NA,
        pd.CategoricalDtype(["a"]), pd.Index([1, 2]),
    ]  # fmt: skip


def test_no_two_different_frames_have_the_same_bytes() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    made, again = frames(), frames()
    data = [encoded(value) for value in made]
    assert [encoded(value) for value in again] == data
    assert len(set(data)) == len(data)


def test_how_the_columns_of_a_frame_lie_does_not_count() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    import pandas as pd

    together = pd.DataFrame(big((LARGE, 2)), columns=["a", "b"])
    apart = pd.DataFrame({"a": together["a"].copy(), "b": together["b"].copy()})
    holes = [pd.array([1, 2, 3], dtype="Int64") for _ in range(2)]
    holes[0][1] = holes[1][1] = pd.NA
    holes[1]._data[1] = 99
    assert encoded(together) == encoded(apart)
    assert encoded(holes[0]) == encoded(holes[1])


def tables() -> list[Any]:
    import pyarrow as pa

    columns = {
        "a": [1, None, 3], "b": ["x", None, "zz"], "c": [[1], [2, 3], None], "d": [{"k": 1}, {"k": None}, None],
        "e": [True, False, None], "f": [dt.date(2020, 1, 1)] * 3, "g": [1.5, float("nan"), None], "h": [b"a", b"", None],
    }  # fmt: skip
    table = pa.table(columns)
    return [
        table, table.slice(1), table.select(["a"]), table.select(["b"]), table.rename_columns(list("ABCDEFGH")),
        table.replace_schema_metadata({"k": "v"}), table.schema, table.to_batches()[0], *table.columns,
        pa.array([1, 2]), pa.array([1, 2], pa.int8()), pa.array([1, 2]).dictionary_encode(), pa.array(["ab", "c"]), pa.array(["a", "bc"]),
        pa.array([None, None]), pa.array([1, None]), pa.array([None, 1]), pa.array([0, 1]), pa.array(["", None]), pa.array([None, ""]),
        pa.array([], pa.string()), pa.array([], pa.int8()), pa.chunked_array([[1, 2]]), pa.scalar(1), pa.scalar("1"), pa.int8(), pa.string(),
        pa.array([[1], []]), pa.array([[], [1]]), pa.array([dt.timedelta(1)]), pa.array([dt.datetime(2020, 1, 1)]),
    ]  # fmt: skip


def test_no_two_different_tables_have_the_same_bytes() -> None:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    made, again = tables(), tables()
    data = [encoded(value) for value in made]
    assert [encoded(value) for value in again] == data
    assert len(set(data)) == len(data)


def test_how_a_table_is_cut_does_not_count() -> None:
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import pyarrow as pa

    table = tables()[0]
    assert encoded(pa.concat_tables([table.slice(0, 1), table.slice(1)])) == encoded(table)
    assert encoded(pa.array(["q", "x", "y"])[1:]) == encoded(pa.array(["x", "y"]))
    assert encoded(pa.array([9, 1, None])[1:]) == encoded(pa.array([1, None]))
    assert encoded(pa.chunked_array([[1], [2, 3]])) == encoded(pa.chunked_array([[1, 2], [3]]))
