"""Equal values have equal bytes, others have others, and what has none is refused by its path."""

import array
import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import os
import pathlib
import pickle
import re
import threading
import typing
import uuid
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from elsewhere import NoKey
from elsewhere.keys.key import key_of, keys_of
from tests.unit.keys import encoded


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Size(enum.IntEnum):
    SMALL = 1


@dataclasses.dataclass
class Leg:
    price: float
    notes: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int


class Pair(typing.NamedTuple):
    x: int
    y: int


class Bag(set[Any]):
    pass


class Names(list[Any]):
    label = "names"


class Plain:
    def __init__(self, **state: Any) -> None:
        vars(self).update(state)

    def method(self) -> None:
        return


class OwnKey:
    def __init__(self, name: Any, cache: Any) -> None:
        self.name, self.cache = name, cache

    def __elsewhere_key__(self) -> Any:
        return self.name


class OwnState(Plain):
    def __getstate__(self) -> Any:
        return {"kept": vars(self)["kept"]}


def identity(value: Any) -> Any:
    return value


def circle() -> list[Any]:
    made: list[Any] = [1]
    made.append(made)
    return made


BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN)
T = typing.TypeVar("T")

# No two of them may have the same bytes.
DISTINCT: list[Any] = [
    None, True, False, 0, 1, -1, 2**62, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400,
    0.0, -0.0, 1.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1j, 0j, complex(-0.0, 0.0),
    "", "1", "a", "\x00", "\ud800", "\ud800\udc00", "\U00010000", "é", "e\u0301", "a" * 70_000, "b" * 70_000,
    b"", b"1", b"a", b"a" * 70_000, bytearray(b"a"), memoryview(b"a"), array.array("b", b"a"),
    (), (1,), (1, 2), ((1,), 2), ((1, 2),), [], [1], [[1]], [[], []], [[[]]], ..., NotImplemented,
    {1}, frozenset({1}), {1, 2}, {"1"}, {(1, 2)}, set(), frozenset(),
    {}, {1: 2}, {"1": 2}, {1: {2: 3}}, {1: 2, 3: 4}, {1: 4, 3: 2},
    range(3), range(0, 3, 2), range(0, 4, 2), slice(3), slice(0, 3), slice(None),
    dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")), AUTUMN, AUTUMN.replace(fold=1),
    dt.time(2, 30), dt.time(2, 30, tzinfo=dt.UTC), dt.timedelta(1), dt.UTC, BERLIN,
    dt.timezone(dt.timedelta(hours=1)), dt.timezone(dt.timedelta(hours=1), "name"),
    decimal.Decimal(0), decimal.Decimal("-0"), decimal.Decimal("0.0"), decimal.Decimal("NaN"),
    decimal.Decimal("sNaN"), decimal.Decimal("1E+2"), decimal.Decimal(100), fractions.Fraction(1, 3),
    uuid.UUID(int=1), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), pathlib.Path("a"),
    re.compile("a"), re.compile(b"a"), re.compile("a", re.IGNORECASE),
    Colour.RED, Colour.BLUE, Mode.READ, Mode.READ | Mode.WRITE, Mode(0), Size.SMALL,
    Leg(1.0), Leg(1.0, [1]), Leg(2.0), Point(1, 2), Point(2, 1), Pair(1, 2), Pair(2, 1),
    Bag({1}), Bag({2}), Names([1]), Names([2]), Plain(), Plain(a=1), Plain(b=1), Plain(a=Plain()),
    collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1), collections.Counter("aab"),
    collections.defaultdict(list), collections.defaultdict(set), collections.defaultdict(list, a=1),
    collections.deque([1]), collections.deque([1], 2), collections.ChainMap({1: 2}),
    functools.partial(identity), functools.partial(identity, 1), functools.partial(identity, value=1),
    int, str, Plain, Leg, Colour, len, print, identity, Plain.method, Plain().method, Plain(a=1).method,
    "abc".upper, "abd".upper, os.path, lambda x: x, lambda x: x + 1,
    list[int], list[str], dict[str, int], int | str, int | None, typing.Any, typing.Literal["a"],
    typing.Literal["b"], typing.Annotated[int, "a"], Callable[[int], str], T,
    ValueError("a"), ValueError("b"), KeyError("a"), circle(), [circle()],
]  # fmt: skip


def test_no_two_different_values_have_the_same_bytes() -> None:
    # Two ways to write one type are equal.
    same = {encoded(int | str): 0, encoded(typing.Union[int, str]): 1}  # noqa: UP007
    assert len(same) == 2
    seen: dict[bytes, Any] = {}
    for value in DISTINCT:
        data = encoded(value)
        assert data not in seen, f"{value!r} and {seen[data]!r}"
        seen[data] = value


@pytest.mark.parametrize("place", range(len(DISTINCT)))
def test_a_copy_has_the_same_bytes(place: int) -> None:
    value = DISTINCT[place]
    try:
        again = copy.deepcopy(value)
    except TypeError:
        again = value  # of some things, such as memory views and modules, there are no copies
    assert encoded(again) == encoded(value)


def test_dicts_sets_and_attributes_have_no_order() -> None:
    names = [str(n) for n in range(50)]
    assert encoded(dict.fromkeys(names)) == encoded(dict.fromkeys(reversed(names)))
    assert encoded(set(names)) == encoded({*names[25:], *names[:25]})
    assert encoded({1, "a", None, (2, b"c")}) == encoded({(2, b"c"), None, "a", 1})
    assert encoded(Plain(a=1, b=2)) == encoded(Plain(b=2, a=1))


def test_sharing_is_not_seen() -> None:
    inner = [1]
    assert encoded([inner, inner]) == encoded([[1], [1]])
    assert encoded((Plain(a=inner), inner)) == encoded((Plain(a=[1]), [1]))


def test_circles_end_and_differ_by_their_length() -> None:
    one: list[Any] = []
    one.append(one)
    two: list[Any] = [[]]
    two[0].append(two)
    mapping: dict[str, Any] = {}
    mapping["self"] = mapping
    holder = Plain()
    vars(holder)["me"] = {"of": holder}
    made = [encoded(value) for value in (one, two, mapping, holder)]
    assert len(set(made)) == 4
    again: dict[str, Any] = {}
    again["self"] = again
    assert encoded(again) == made[2]


def test_what_a_class_leaves_out_does_not_count() -> None:
    assert encoded(OwnKey("a", 1)) == encoded(OwnKey("a", 2)) != encoded(OwnKey("b", 1))
    assert encoded(OwnState(kept=1, lost=2)) == encoded(OwnState(kept=1, lost=3))
    assert encoded(OwnState(kept=1, lost=2)) != encoded(OwnState(kept=2, lost=2))


LOCK = threading.Lock()
REFUSED: dict[str, tuple[Any, str, str]] = {
    "lock": (LOCK, "", "inside the function"),
    "in a dict": ({"a": [0, LOCK]}, "['a'][1]", "inside the function"),
    "value of an odd key": ({Plain.__init__: LOCK}, "[...]", "inside"),
    "in a data class": (Leg(1.0, [LOCK]), ".notes[0]", "inside the function"),
    "in an object": (Plain(a=Plain(b=LOCK)), ".a.b", "inside the function"),
    "in a named tuple": (Pair(1, LOCK), "[1]", "inside the function"),  # type: ignore[arg-type]  # what a test may
    "in a set": ({Plain(a=LOCK)}, "{...}.a", "inside the function"),
    "in a partial": (functools.partial(identity, LOCK), ".args[0]", "inside the function"),
    "in an own key": (OwnKey([LOCK], 1), ".__elsewhere_key__()[0]", "inside the function"),
    "generator": ((n for n in range(3)), "", "Pass a list"),
    "sentinel": (object(), "", "enum"),
    "thread local": (threading.local(), "", "__elsewhere_key__"),
    "eval": ([eval], "[0]", "Name what"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_has_no_exact_bytes_is_refused_by_its_path(name: str) -> None:
    value, path, remedy = REFUSED[name]
    with pytest.raises(NoKey) as caught:
        key_of(identity, (value,))
    assert caught.value.path.startswith(f"args[0]{path}")
    assert remedy in caught.value.remedy
    with pytest.raises(NoKey) as caught:
        key_of(identity, (), {"value": value})
    assert caught.value.path.startswith(f"kwargs['value']{path}")


def test_an_open_file_is_refused(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(NoKey, match="Pass the path"):
        key_of(identity, (file,))


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NoKey, match="nested too deeply"):
        key_of(identity, (deep,))


def test_the_error_travels() -> None:
    error = NoKey("args[0]", "a lock", "Leave it out")
    again = pickle.loads(pickle.dumps(error))
    assert (again.path, again.what, again.remedy) == ("args[0]", "a lock", "Leave it out")
    assert str(again) == "no key for args[0]: a lock. Leave it out"
    assert isinstance(again, TypeError)


def keyed(a: object, b: object = None) -> object:
    return a, b


class Unnamed:
    def __elsewhere_key__(self) -> object:
        raise LookupError("no key today")


def test_the_keys_of_many_calls_are_those_of_each() -> None:
    items: list[tuple[Any, ...]] = [(1, 2), (1,), ("x", Colour.RED), (Colour.BLUE, [Colour, keyed])]
    assert keys_of(keyed, items) == [key_of(keyed, item) for item in items]
    assert keys_of(len, items[1:2]) == [key_of(len, items[1])]
    assert keys_of(keyed, []) == []


def test_of_many_calls_each_is_refused_by_itself() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    wrong = [(threading.Lock(), 1), (1, 2, 3), (Unnamed(), 1), (deep, 1)]
    fine = (1, 2)
    keys = keys_of(keyed, [fine, *(item for each in wrong for item in (each, fine))])
    assert keys[0::2] == [key_of(keyed, fine)] * 5
    assert [type(key) for key in keys[1::2]] == [NoKey, TypeError, LookupError, NoKey]


def test_a_function_that_has_no_key_has_none_for_any_call() -> None:
    lock = threading.Lock()

    def locked(x: int) -> object:
        return lock, x

    assert [type(key) for key in keys_of(locked, [(1,), (2,)])] == [NoKey, NoKey]
