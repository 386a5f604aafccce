"""Errors: what is raised elsewhere is raised here."""

import threading

import pytest

from elsewhere import NotPicklable, Pool, RemoteError
from tests.spec.functions import invert


def test_an_error_keeps_its_type(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        pool.submit(invert, 0).result()


def test_an_error_shows_the_line_that_raised_it(pool: Pool) -> None:
    error = pool.submit(invert, 0).exception()
    assert error is not None
    assert "return 1 / number" in str(error.__cause__)


def test_an_error_tells_where_it_was_raised(pool: Pool) -> None:
    error = pool.submit(invert, 0).exception()
    assert error is not None
    assert "raised in worker" in error.__notes__[0]
    assert error.__notes__[0].endswith("attempt 1, by invert(0)")


def test_an_error_that_cannot_travel_is_described(pool: Pool) -> None:
    def fail() -> None:
        error = ValueError("holds a lock")
        error.__dict__["lock"] = threading.Lock()
        raise error

    error = pool.submit(fail).exception()
    assert isinstance(error, RemoteError)
    assert (error.type_name, error.message) == ("ValueError", "holds a lock")


def test_an_argument_that_cannot_travel_is_named(pool: Pool) -> None:
    settings = {"name": "test", "lock": threading.Lock()}
    with pytest.raises(NotPicklable, match=r"args\[0\]\['lock'\]"):
        pool.submit(print, settings).result()


def test_a_call_that_raises_may_be_tried_again(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        pool.options(retries=2).submit(invert, 0).result()
    assert caught.value.__notes__[0].endswith("attempt 3, by invert(0)")
