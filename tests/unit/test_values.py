"""Values to bytes and back: plain pickle where it will do, by value where it will not."""

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from elsewhere.codec import values
from elsewhere.codec.values import dumps, dumps_by_value, loads, too_large
from elsewhere.errors import NotPicklable
from tests.unit.functions import Point, in_module, main_module


def test_plain_data_is_pickled_plainly() -> None:
    value = {"a": [1, 2.5, None, (True, b"x")]}
    assert dumps(value, "value") == pickle.dumps(value, 5)
    assert loads(dumps(value, "value")) == value


def test_a_class_that_a_worker_can_import_goes_by_name() -> None:
    data = dumps(Point(1, 2), "value")
    assert b"tests.unit.functions" in data
    assert loads(data) == Point(1, 2)


def test_what_plain_pickle_refuses_goes_by_value() -> None:
    assert loads(dumps(lambda x: x + 1, "value"))(1) == 2


def test_whatever_mentions_main_goes_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    main = main_module(monkeypatch, "class Money:\n    def __init__(self, sum): self.sum = sum")
    data = dumps(main.Money(5), "value")
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    assert loads(data).sum == 5


def test_a_string_that_only_looks_like_main_survives() -> None:
    assert loads(dumps(["__main__"], "value")) == ["__main__"]


@pytest.mark.parametrize("encode", [dumps, dumps_by_value])
def test_what_cannot_travel_is_refused_by_its_path(encode: Callable[[Any, str], bytes]) -> None:
    with pytest.raises(
        NotPicklable, match=r"cannot send value\['a'\]\[1\]: a _thread.lock"
    ) as info:
        encode({"a": [1, threading.Lock()]}, "value")
    assert isinstance(info.value.__cause__, TypeError)


def test_what_is_too_large_says_how_large() -> None:
    error = too_large("args[0]", 5 * 2**30)
    assert error.path == "args[0]"
    assert "5.0 GiB" in str(error)


def test_by_value_is_not_loaded_until_it_is_needed() -> None:
    program = (
        "import sys; from elsewhere.codec.values import dumps, loads; loads(dumps([1], 'value')); "
        "sys.exit('cloudpickle' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_function_of_a_module_stays_itself() -> None:
    assert values.loads(dumps(in_module, "value")) is in_module
