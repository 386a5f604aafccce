"""An exception comes back as itself if it can travel, and as a faithful description if not."""

import pickle
import re
import sys
import threading
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import Self

import pytest

from elsewhere.codec import failures
from elsewhere.codec.failures import CHAIN_MAX, decode_failure, encode_failure
from elsewhere.codec.values import dumps
from elsewhere.errors import (
    CallQuarantined,
    CallTimeout,
    NotPicklable,
    RemoteError,
    RemoteTraceback,
)
from tests.unit.functions import main_module


class Plain(Exception):
    pass


class NeedsTwo(Exception):
    """Its own args do not fit its __init__."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


@dataclass(frozen=True)
class Frozen(Exception):  # named for what is tested
    code: int


@dataclass(frozen=True)
class FrozenNeedsTwo(Exception):  # named for what is tested
    code: int

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        object.__setattr__(self, "code", code)


class Holds(Exception):
    def __init__(self, what: object) -> None:
        super().__init__("held")
        self.what = what


class Mute(Exception):
    def __init__(self) -> None:
        super().__init__(threading.Lock())

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Changes(Exception):
    """Its copy is of another type."""

    def __reduce__(self) -> tuple[type[ValueError], tuple[str]]:
        return ValueError, ("changed",)


class Hopeless(Changes):
    """Nor can it be rebuilt."""

    def __new__(cls, *args: object) -> Self:
        if args:
            raise TypeError("not this way")
        return super().__new__(cls)


def travel(error: BaseException, place: str = "", label: str = "") -> BaseException:
    return decode_failure(encode_failure(error, label), place)


def raised(error: BaseException) -> BaseException:
    def user_code() -> None:
        raise error

    with pytest.raises(type(error)) as info:
        user_code()
    return info.value


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x", 1),
        KeyError("k"),
        FileNotFoundError(2, "gone", "name"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
        KeyboardInterrupt(),
        SystemExit(3),
        Plain("x"),
        ExceptionGroup("several", [ValueError("a"), Plain("b")]),
        NotPicklable("args[0]", "a lock", "Leave it out"),
        CallTimeout("f", 1.5, 2),
        CallQuarantined("f", 3, "exited with code 1", None),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_keeps_its_type_and_text(error: BaseException) -> None:
    back = travel(error)
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_fields_travel_even_past_an_init_that_does_not_take_its_own_args() -> None:
    back = travel(NeedsTwo(404, "not here"))
    assert isinstance(back, NeedsTwo)
    assert back.code == 404
    assert str(back) == "404: not here"


@pytest.mark.parametrize("error", [Frozen(5), FrozenNeedsTwo(5, "five")])
def test_a_frozen_exception_takes_its_cause_and_notes(error: Frozen | FrozenNeedsTwo) -> None:
    back = travel(raised(error), "a place")
    assert isinstance(back, type(error))
    assert back.code == 5
    assert isinstance(back.__cause__, RemoteTraceback)
    assert back.__notes__ == ["raised in a place"]


def test_notes_come_after_those_that_the_exception_had() -> None:
    error = ValueError("x")
    error.add_note("its own")
    assert travel(error, "a place").__notes__ == ["its own", "raised in a place"]


def test_who_raised_it_and_who_called_that_are_told_in_order() -> None:
    def again(error: BaseException, place: str, label: str) -> BaseException:
        with pytest.raises(ValueError, match="x") as caught:
            raise error
        return travel(caught.value, place, label)

    error = travel(raised(ValueError("x")), "worker 2", "divide(1, 0)")
    text = str(error.__cause__)
    error = again(error, "worker 1", "ratio(1)")
    assert error.__notes__[0] == "raised in worker 2, by divide(1, 0)"
    assert re.fullmatch(
        r"called by ratio\(1\), test_failures.py line \d+ in worker 1", error.__notes__[1]
    )
    assert str(error.__cause__) == text


def test_a_result_that_cannot_travel_was_returned_and_not_raised() -> None:
    with pytest.raises(NotPicklable) as caught:
        dumps(threading.Lock(), "result")
    error = travel(caught.value.with_traceback(None), "worker 2", "lock()")
    assert error.__notes__ == ["returned in worker 2, by lock()"]
    assert not isinstance(error.__cause__, RemoteTraceback)
    error = travel(raised(error), "worker 1", "open(1)")
    assert error.__notes__[0] == "returned in worker 2, by lock()"
    assert re.fullmatch(
        r"called by open\(1\), test_failures.py line \d+ in worker 1", error.__notes__[1]
    )
    assert len(error.__notes__) == 2


def test_an_argument_that_cannot_travel_was_raised_by_the_call_that_gave_it() -> None:
    error = travel(raised(NotPicklable("args[0]", "a lock", "Leave it out")), "worker 2", "f()")
    assert error.__notes__ == ["raised in worker 2, by f()"]
    assert "user_code" in str(error.__cause__)


def test_a_long_chain_is_told_by_its_ends() -> None:
    error = raised(ValueError("x"))
    for number in range(1000):
        error = travel(error, f"worker {number}", "f()")
    notes = error.__notes__
    assert len(notes) == CHAIN_MAX
    assert notes[0] == "raised in worker 0, by f()"
    assert notes[CHAIN_MAX // 2] == f"… {1001 - CHAIN_MAX} calls between …"
    assert notes[-1].endswith("worker 999")


def test_without_notes_there_are_none() -> None:
    assert not hasattr(travel(ValueError("x")), "__notes__")


def test_the_remote_traceback_is_the_cause() -> None:
    back = travel(raised(Plain("here")))
    assert isinstance(back.__cause__, RemoteTraceback)
    assert "in user_code" in str(back.__cause__)
    assert "Plain: here" in "".join(traceback.format_exception(back))


def test_the_chain_of_causes_is_in_the_traceback() -> None:
    error = raised(Plain("outer"))
    error.__cause__ = ValueError("inner")
    assert "ValueError: inner" in str(travel(error).__cause__)


def test_our_own_frames_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_PACKAGE", __file__)  # as if this file were ours
    text = str(travel(raised(Plain("x"))).__cause__)
    assert "user_code" not in text
    assert "Plain: x" in text


def test_what_cannot_travel_is_described() -> None:
    back = travel(raised(Holds(threading.Lock())))
    assert isinstance(back, RemoteError)
    assert back.type_name == f"{__name__}.Holds"
    assert back.message == "held"
    assert "exception.what" in back.reason
    assert "in user_code" in str(back.__cause__)


def test_one_whose_copy_has_another_type_is_rebuilt() -> None:
    assert type(travel(Changes())) is Changes


def test_one_that_can_be_neither_copied_nor_rebuilt_is_described() -> None:
    error = Hopeless()
    error.args = ("again",)
    back = travel(error)
    assert isinstance(back, RemoteError)
    assert "not this way" in back.reason


def test_one_without_words_is_described_without_them() -> None:
    back = travel(Mute())
    assert isinstance(back, RemoteError)
    assert back.message == "<its text could not be made: RuntimeError>"


def test_one_of_main_is_its_own_class_again(monkeypatch: pytest.MonkeyPatch) -> None:
    main = main_module(monkeypatch, "class Mine(Exception): pass")
    payload = encode_failure(main.Mine("x"))
    assert type(decode_failure(payload)) is main.Mine


def test_one_whose_class_is_missing_here_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("only_there")
    exec("class Lost(Exception): pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_there", module)
    payload = encode_failure(raised(module.Lost("where")))
    monkeypatch.delitem(sys.modules, "only_there")
    back = decode_failure(payload, "a place")
    assert isinstance(back, RemoteError)
    assert (back.type_name, back.message) == ("only_there.Lost", "where")
    assert "does not unpickle here: ModuleNotFoundError" in back.reason
    assert back.__notes__ == ["raised in a place"]


def test_what_travels_is_the_exception_its_traceback_and_its_names() -> None:
    data, text, name, message, label, chain = pickle.loads(encode_failure(Plain("x"), "f(1)"))
    assert pickle.loads(data).args == ("x",)
    assert "Plain: x" in text
    assert (name, message) == (f"{__name__}.Plain", "x")
    assert (label, chain) == ("f(1)", ())
    assert dumps(Plain("x"), "exception") == data


def test_a_group_keeps_each_of_its_exceptions_as_far_as_that_can_travel() -> None:
    inner = ExceptionGroup("inner", [NeedsTwo(1, "one"), Holds(threading.Lock())])
    back = travel(ExceptionGroup("outer", [inner, ValueError(2)]))
    assert isinstance(back, ExceptionGroup)
    assert back.message == "outer"
    group, error = back.exceptions
    assert isinstance(group, ExceptionGroup)
    first, second = group.exceptions
    assert isinstance(first, NeedsTwo)
    assert (first.code, str(first)) == (1, "1: one")
    assert isinstance(second, RemoteError)
    assert error.args == (2,)
