"""The book of functions: each is encoded once, told once, and released when it is gone."""

import functools
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from elsewhere.calls.messages import Define, Release
from elsewhere.codec import functions
from elsewhere.codec.functions import Encoded, Functions
from elsewhere.codec.labels import describe
from elsewhere.codec.values import dumps_by_value, loads
from elsewhere.errors import NotPicklable
from elsewhere.inject.depends import Depends, Provided
from elsewhere.plans.plan import dependencies_of
from tests.unit.functions import Point, in_module


class Gateway:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.defined: dict[int, bytes] = {}
        self.released: list[int] = []

    def tell(self, message: Define | Release) -> None:
        if isinstance(message, Define):
            self.defined[message.function] = message.code
        else:
            self.released += message.functions

    def call(self, encoded: Encoded, *args: Any) -> Any:
        """What a worker that loads the code would return."""
        return loads(self.defined[encoded.number])(*args)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def book(gateway: Gateway) -> Functions:
    return Functions(gateway.tell)


def closure(captured: Any) -> Callable[[], Any]:
    return lambda: captured


def sized() -> tuple[Callable[[int], None], Callable[..., Any], Any]:
    """What sets a size, a function that is given it, and what makes it."""
    size = 1

    def resize(new: int) -> None:
        nonlocal size
        size = new

    def make() -> int:
        return size

    made = Depends(make)

    def given(it: int = made) -> int:
        return it

    return resize, given, made


def name_there(code: bytes) -> bytes:
    """The name of what a function is given, where it is loaded."""
    (there,) = dependencies_of(loads(code))
    assert isinstance(there, Provided)
    return there.name().digest


def test_a_function_travels_with_the_names_of_what_it_is_given(
    book: Functions, gateway: Gateway
) -> None:
    _, given, made = sized()

    encoded = book.encode(given)

    assert b"_load_told" in gateway.defined[encoded.number]
    assert [one.digest for one in encoded.resources] == [made.name().digest]
    assert name_there(gateway.defined[encoded.number]) == made.name().digest


def test_what_changes_while_it_is_encoded_is_named_where_it_arrives(
    book: Functions, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    resize, given, made = sized()
    before = made.name().digest

    def encode_and_resize(*args: Any, **kwargs: Any) -> bytes:
        try:
            return dumps_by_value(*args, **kwargs)
        finally:
            resize(2)

    monkeypatch.setattr(functions, "dumps_by_value", encode_and_resize)
    encoded = book.encode(given)

    assert b"_load_told" not in gateway.defined[encoded.number]
    assert name_there(gateway.defined[encoded.number]) == before


def test_a_function_of_a_module_is_told_once_and_by_name(book: Functions, gateway: Gateway) -> None:
    first = book.encode(in_module)
    assert book.encode(in_module) is first
    assert list(gateway.defined) == [first.number]
    assert len(gateway.defined[first.number]) < 100
    assert gateway.call(first, 1) == 2
    assert first.name == "in_module"


def test_functions_have_different_numbers(book: Functions) -> None:
    first, second = closure(1), closure(2)
    assert book.encode(first).number != book.encode(second).number


def test_a_closure_over_what_cannot_change_is_encoded_once(
    book: Functions, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = closure((1, "two", b"3", None))
    first = book.encode(function)
    monkeypatch.setattr(functions, "dumps_by_value", None)  # nobody may call it now
    assert book.encode(function) is first


def test_a_reassigned_closure_variable_is_noticed(book: Functions, gateway: Gateway) -> None:
    total = 1

    def function() -> int:
        return total

    first = book.encode(function)
    assert gateway.call(first) == 1
    total = 2
    second = book.encode(function)
    assert second.number != first.number
    assert gateway.call(second) == 2


def test_a_captured_object_is_looked_at_each_time(book: Functions, gateway: Gateway) -> None:
    items = [1]
    function = closure(items)
    first = book.encode(function)
    assert book.encode(function) is first
    items.append(2)
    second = book.encode(function)
    assert gateway.call(second) == [1, 2]
    assert gateway.call(first) == [1]


def test_a_number_is_released_with_its_function(book: Functions, gateway: Gateway) -> None:
    function = closure(1)
    number = book.encode(function).number
    assert gateway.released == []
    del function
    assert gateway.released == [number]


def test_a_number_in_use_outlives_its_function(book: Functions, gateway: Gateway) -> None:
    function = closure(1)
    encoded = book.encode(function)
    del function
    assert gateway.released == []
    number = encoded.number
    del encoded
    assert gateway.released == [number]


def test_a_superseded_number_is_released_when_nobody_uses_it(
    book: Functions, gateway: Gateway
) -> None:
    items = [1]
    function = closure(items)
    first = book.encode(function)
    items.append(2)
    second = book.encode(function)
    assert gateway.released == []
    number = first.number
    del first
    assert gateway.released == [number]
    del function
    assert gateway.released == [number]
    assert gateway.call(second) == [1, 2]


def test_a_superseded_number_that_is_in_use_does_not_take_the_latest_along(
    book: Functions, gateway: Gateway
) -> None:
    items = [1]
    function = closure(items)
    first = book.encode(function)
    items.append(2)
    latest = book.encode(function).number
    del function
    assert gateway.released == [latest]
    assert gateway.call(first) == [1]


def test_a_recursive_function_is_released_too(book: Functions, gateway: Gateway) -> None:
    def make() -> Callable[[int], int]:
        def factorial(n: int) -> int:
            return n * factorial(n - 1) if n else 1

        return factorial

    function = make()
    gone = weakref.ref(function)
    number = book.encode(function).number
    assert gateway.call(book.encode(function), 5) == 120
    del function
    gc.collect()
    assert gone() is None
    assert gateway.released == [number]


def test_another_function_at_the_same_address_has_another_number(
    book: Functions, gateway: Gateway
) -> None:
    numbers = set()
    for value in range(50):
        encoded = book.encode(closure(value))  # dies at once: the next one is put in its place
        assert gateway.call(encoded) == value
        numbers.add(encoded.number)
    assert len(numbers) == 50


def test_bound_methods_are_known_by_what_they_are_bound_to(
    book: Functions, gateway: Gateway
) -> None:
    point = Point(1, 2)
    first = book.encode(point.norm)
    assert book.encode(point.norm) is first
    point.x = 5
    second = book.encode(point.norm)
    assert second is not first
    assert gateway.call(second) == 7


def test_only_so_many_bound_methods_are_kept(
    book: Functions, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "ANONYMOUS_MAX", 2)
    numbers = [book.encode(Point(x, 0).norm).number for x in range(3)]
    assert gateway.released == numbers[:1]
    book.encode(Point(1, 0).norm)  # used again, so that another is the oldest
    book.encode(Point(3, 0).norm)
    assert gateway.released == [numbers[0], numbers[2]]


def test_only_so_many_bytes_of_bound_methods_are_kept(
    book: Functions, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "ANONYMOUS_BYTES_MAX", 1)
    first = book.encode(Point(1, 0).norm).number
    assert gateway.released == []  # the latest is kept, however large
    book.encode(Point(2, 0).norm)
    assert gateway.released == [first]


def test_callables_of_every_kind_are_encoded(book: Functions, gateway: Gateway) -> None:
    kinds: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
        (str.upper, ("a",), "A"),
        (functools.partial(pow, 2), (5,), 32),
        (Point, (1, 2), Point(1, 2)),
        (Point.origin, (), Point(0, 0)),
        ({"a": 1}.get, ("a",), 1),
        (abs, (-1,), 1),
    ]
    for function, args, result in kinds:
        assert gateway.call(book.encode(function), *args) == result


def test_what_is_not_callable_is_refused(book: Functions, gateway: Gateway) -> None:
    with pytest.raises(TypeError, match="must be callable, not 5"):
        book.encode(5)  # type: ignore[arg-type]  # that is what is tested
    assert gateway.defined == {}


def test_what_cannot_travel_is_refused_and_leaves_no_number(
    book: Functions, gateway: Gateway
) -> None:
    with pytest.raises(NotPicklable, match="closure variable 'captured'"):
        book.encode(closure(threading.Lock()))
    assert gateway.defined == {}


def test_code_that_no_message_can_carry_is_refused(
    book: Functions, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "PAYLOAD_BYTES_MAX", 1000)
    with pytest.raises(NotPicklable, match="more than a message can carry"):
        book.encode(closure(bytes(2000)))
    assert gateway.defined == {}


def test_the_module_search_path_travels_along_if_it_has_grown(
    book: Functions, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, "/gained"])
    encoded = book.encode(closure(5))
    monkeypatch.setattr(sys, "path", [])
    assert gateway.call(encoded) == 5
    assert sys.path == ["/gained"]


def test_telling_may_come_back_for_another_function(gateway: Gateway) -> None:
    # Telling drives the machine, which may call the user's callbacks, which may submit.
    inner: list[Encoded] = []

    def tell(message: Define | Release) -> None:
        gateway.tell(message)
        if len(gateway.defined) == 1:
            inner.append(callbacks.encode(Point(7, 7).norm))

    callbacks = Functions(tell)
    outer = callbacks.encode(Point(1, 1).norm)
    assert gateway.call(outer) == 2
    assert gateway.call(inner[0]) == 14


def test_the_same_method_encoded_while_it_is_told_has_one_number(gateway: Gateway) -> None:
    point = Point(1, 1)
    inner: list[Encoded] = []

    def tell(message: Define | Release) -> None:
        gateway.tell(message)
        if isinstance(message, Define) and len(gateway.defined) == 1:
            inner.append(callbacks.encode(point.norm))

    callbacks = Functions(tell)
    assert callbacks.encode(point.norm) is inner[0]
    assert gateway.released == [1]


def test_a_function_is_called_by_its_name_or_what_it_wraps_or_its_type() -> None:
    class Instance:
        def __call__(self) -> None: ...

    assert describe(Point.norm) == "Point.norm"
    assert describe(len) == "len"
    assert describe(functools.partial(functools.partial(in_module))) == "in_module"
    assert describe(Instance()).endswith("Instance")
