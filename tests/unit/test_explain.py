"""What cannot be pickled is named by the path to the smallest part that is to blame."""

import functools
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from elsewhere.codec import explain
from elsewhere.codec.values import dumps
from elsewhere.errors import NotPicklable


class Config:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def method(self) -> None: ...


class Slots:
    __slots__ = ("absent", "lock")

    def __init__(self, lock: object) -> None:
        self.lock = lock


class OneSlot:
    __slots__ = "lock"  # noqa: PLC0205  # a lone string is what is tested

    def __init__(self, lock: object) -> None:
        self.lock = lock


class Refuses:
    def __reduce__(self) -> str:
        raise ValueError("not me")


class Rude(Refuses):
    def __repr__(self) -> str:
        raise RuntimeError("no repr either")


def refused(value: object) -> NotPicklable:
    with pytest.raises(NotPicklable) as info:
        dumps(value, "value")
    return info.value


def captures(captured: object) -> Callable[[], object]:
    return lambda: captured


def with_default(lock: object) -> Callable[..., object]:
    return lambda x, y=lock: y


def with_keyword_default(lock: object) -> Callable[..., object]:
    def function(*, y: object = lock) -> object:
        return y

    return function


def with_global(lock: object) -> Callable[..., object]:
    space = {"lock": lock, "__name__": "__main__"}
    exec("def function(): return lock, missing", space)
    function = space["function"]
    assert callable(function)
    return function


def with_empty_cell(lock: object) -> Callable[..., object]:
    if lock is None:
        later = 1

    def function() -> object:
        return later, lock

    return function


LOCK = threading.Lock()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (LOCK, ""),
        ([1, LOCK], "[1]"),
        ((1, [2, LOCK]), "[1][1]"),
        ({"a": {"b": LOCK}}, "['a']['b']"),
        ({LOCK: 1}, f" key {LOCK!r}"),
        ({LOCK}, f" element {LOCK!r}"),
        (Config(db=Config(lock=LOCK)), ".db.lock"),
        (Slots(LOCK), ".lock"),
        (OneSlot(LOCK), ".lock"),
        (captures(LOCK), " (closure variable 'captured')"),
        (captures([LOCK]), " (closure variable 'captured')[0]"),
        (with_global(LOCK), " (global variable 'lock')"),
        (with_default(LOCK), " (defaults)[0]"),
        (with_keyword_default(LOCK), " (keyword defaults)['y']"),
        (with_empty_cell(LOCK), " (closure variable 'lock')"),
        (Config(lock=LOCK).method, ".__self__.lock"),
        (functools.partial(captures(LOCK)), ".func (closure variable 'captured')"),
        (functools.partial(print, LOCK), ".args[0]"),
        (functools.partial(print, end=LOCK), ".keywords['end']"),
        ([Refuses()], "[0]"),
    ],
)
def test_the_path_leads_to_what_is_to_blame(value: object, path: str) -> None:
    assert refused(value).path == "value" + path


def test_the_error_says_what_it_is_and_why() -> None:
    assert refused([Refuses()]).what == (
        f"a {__name__}.Refuses cannot be pickled (ValueError: not me)"
    )
    generator = (x for x in [1])
    assert refused(generator).what.startswith("a generator cannot be pickled (TypeError: ")


def test_a_vowel_takes_an() -> None:
    assert explain._article(int) == "an int cannot be pickled"


@pytest.fixture
def things(tmp_path: Path) -> Iterator[dict[str, object]]:
    with (
        (tmp_path / "file").open("w", encoding="utf-8") as text,
        closing(socket.socket()) as connection,
        io.BufferedReader(io.BytesIO()) as binary,
    ):
        yield {
            "lock": threading.Lock(),
            "rlock": threading.RLock(),
            "generator": (x for x in [1]),
            "text": text,
            "binary": binary,
            "socket": connection,
            "other": Refuses(),
        }


@pytest.mark.parametrize(
    ("thing", "remedy"),
    [
        ("lock", "Make it inside the function, or drop it in __getstate__"),
        ("rlock", "Make it inside the function, or drop it in __getstate__"),
        ("generator", "Send a list"),
        ("text", "Send the path"),
        ("binary", "Send the path"),
        ("socket", "Open the connection inside"),
        ("other", "give its class a __reduce__"),
    ],
)
def test_each_kind_of_thing_has_its_remedy(
    things: dict[str, object], thing: str, remedy: str
) -> None:
    assert remedy in refused([things[thing]]).remedy


def test_a_value_that_contains_itself_is_searched_once() -> None:
    value: list[object] = [Refuses()]
    value.insert(0, value)
    assert refused(value).path == "value[1]"


def test_the_search_ends_at_a_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "DEPTH_MAX", 3)
    assert refused([[[[[LOCK]]]]]).path == "value[0][0][0]"


def test_a_broken_repr_is_no_obstacle() -> None:
    assert "element <Rude instance at" in refused({Rude()}).path
