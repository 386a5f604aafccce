"""Keys that are equal have equal hashes: in every type, process and run."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import pytest

from elsewhere import NoKey
from elsewhere.pieces.arrays import hash_array
from elsewhere.pieces.hashing import hash_of, hashes_of
from elsewhere.pieces.kinds import kind_of
from tests.requirements import need


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


MOMENT = datetime(2020, 5, 17, 12, 30, 1, 5, tzinfo=UTC)

# Pinned: a later version finds the same keys in the same parts.
VECTORS = [
    (None, 0x13198A2E03707344),
    (0, 0xE220A8397B1DCDAF),
    (1, 0x910A2DEC89025CC1),
]
EQUAL: list[list[Any]] = [
    [1, 1.0, True, Decimal(1), Decimal("1.00"), Fraction(1), complex(1), Number.ONE],
    [0.5, Decimal("0.5"), Fraction(1, 2)],
    [0, 0.0, -0.0, False],
    [2**70, float(2**70), Fraction(2**70)],
    [-3, -3.0, Decimal(-3)],
    [float("inf"), Decimal("inf")],
    [None, float("nan"), -float("nan"), Decimal("nan"), Decimal("snan")],
    [frozenset({1, 2}), frozenset({2.0, 1.0}), {True, 2}],
    [[1, "one"], [1.0, Word.ONE]],
    [{1: 2, "a": None}, {"a": None, 1.0: 2.0}],
    [b"1", bytearray(b"1")],
    ["one", Word.ONE],
    [(1, "one", None), (1.0, Word.ONE, None)],
    [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=5)))],
    [timedelta(days=1), timedelta(hours=24)],
]
DIFFERENT = [
    1,
    2,
    -1,
    0.5,
    "1",
    b"1",
    (1,),
    ((1,),),
    (),
    None,
    "",
    MOMENT,
    frozenset({1}),
    1j,
    [1],
    [],
    {},
    {1: 1},
    frozenset(),
]


@pytest.mark.parametrize(("key", "value"), VECTORS)
def test_hashes_are_pinned(key: Any, value: int) -> None:
    assert hash_of(key) == value


@pytest.mark.parametrize("keys", EQUAL, ids=[repr(keys[0]) for keys in EQUAL])
def test_equal_keys_have_equal_hashes(keys: list[Any]) -> None:
    assert len({*map(hash_of, keys)}) == 1
    assert all(0 <= hash_of(key) < 2**64 for key in keys)


def test_different_keys_have_different_hashes() -> None:
    assert len({*map(hash_of, DIFFERENT)}) == len(DIFFERENT)


def test_what_has_no_exact_bytes_is_refused() -> None:
    with pytest.raises(NoKey):
        hash_of(object())


@pytest.mark.parametrize("kind", ["i1", "u1", "i8", "u8", "f4", "f8", "bool", "O"])
def test_an_array_is_hashed_as_its_elements_are(kind: str) -> None:
    import numpy as np

    array = np.array([0, 1, 1, 100], dtype=kind)
    assert hash_array(array).tolist() == hashes_of(array.tolist()) == hashes_of(array)


def test_negative_numbers_are_themselves_in_every_width() -> None:
    import numpy as np

    for kind in ("i1", "i2", "i4", "i8", "f8"):
        assert hash_array(np.array([-1, -7], dtype=kind)).tolist() == hashes_of([-1, -7])


def test_texts_and_dates_of_arrays_are_pythons() -> None:
    import numpy as np

    assert hash_array(np.array(["b", "a", "b"])).tolist() == hashes_of(["b", "a", "b"])
    naive = MOMENT.replace(tzinfo=None)
    for unit in ("us", "ns"):
        assert hash_array(np.array([naive], f"M8[{unit}]")).tolist() == [hash_of(naive)]
    day = np.array(["2020-05-17"], "M8[D]")
    assert hash_array(day).tolist() == hash_array(day.astype("M8[ns]")).tolist()


def test_the_columns_of_frames_and_tables_are_hashed_alike() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import pandas as pd
    import pyarrow as pa

    naive = MOMENT.replace(tzinfo=None)
    for keys in ([1, 2, 1], [1.5, None, 2.0], ["x", None, "y"], [True, False, True], [naive, None]):
        wanted = hashes_of(keys)
        columns = [pd.Series(keys), pd.Series(keys).astype("category"), pa.array(keys)]
        columns += [pa.chunked_array([keys]), pa.array(keys).dictionary_encode()]
        for column in columns:
            assert [*map(int, kind_of(column).hashes(column))] == wanted, column
    aware = pd.Series([MOMENT]).dt.tz_convert("Asia/Tokyo")
    assert [*map(int, kind_of(aware).hashes(aware))] == [hash_of(MOMENT)]
    missing = pd.Series([1, None, 2], dtype="Int64")
    assert [*map(int, kind_of(missing).hashes(missing))] == hashes_of([1, None, 2])


def test_durations_of_every_unit_are_pythons() -> None:
    import numpy as np

    second = timedelta(seconds=1)
    for count, unit in ((1, "s"), (1000, "ms"), (10**6, "us"), (10**9, "ns")):
        assert hash_of(np.array(count).view(f"m8[{unit}]")[()]) == hash_of(second)
        assert hash_array(np.array([count], f"m8[{unit}]")).tolist() == [hash_of(second)]
    assert hash_of(np.timedelta64(1, "Y")) == hash_of(np.timedelta64(12, "M"))


def test_what_is_missing_is_one_key_everywhere() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    missing = [None, float("nan"), np.float32("nan"), np.datetime64("NaT"), np.timedelta64("NaT")]
    missing += [pd.NaT, pd.NA]
    assert {*map(hash_of, missing)} == {hash_of(None)}
    nan = float("nan")
    columns = [np.array([nan]), np.array(["NaT"], "M8[ns]"), pd.Series([nan]), pd.Series([pd.NaT])]
    columns += [pa.array([nan]), pa.array([None]), pa.array([None], "float64"), pd.Series([None])]
    columns += [pd.Series([None], dtype="Int64"), np.ma.array([1], mask=[True])]
    for column in columns:
        assert [*map(int, kind_of(column).hashes(column))] == [hash_of(None)], column


def test_moments_and_durations_between_microseconds_are_found_alike() -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    need(find_spec("pyarrow"), "pyarrow", "pip install pyarrow")
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    for count in (1, -1, 1001, -1001, 10**18 + 1):
        for kind, scalar in (("m8[ns]", pd.Timedelta(count)), ("M8[ns]", pd.Timestamp(count))):
            array = np.array([count]).view(kind)
            for column in (array, pd.Series(array), pa.array(array)):
                assert [*map(int, kind_of(column).hashes(column))] == [hash_of(scalar)], column
