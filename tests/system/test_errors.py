"""Errors keep their type, say where they were raised, and always arrive."""

import os
import socket
import threading
import traceback

import pytest

import elsewhere
from elsewhere import NotPicklable, Pool, RemoteError, RemoteTraceback
from tests.system import functions

HOST = os.uname().nodename


def error_of(pool: Pool, error: BaseException) -> BaseException | None:
    return pool.submit(functions.raise_this, error).exception()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("text"),
        KeyError("key"),
        OSError(2, "No such file", "name"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        AssertionError(),
        StopIteration(3),
        StopAsyncIteration(3),
        TimeoutError("the call's own"),
        SystemExit(3),
        SystemExit("said at the end"),
        KeyboardInterrupt(),
        GeneratorExit("ended"),
        functions.Unusual("no Exception"),
        Exception("\ud800 no text that can be encoded"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_keeps_its_type_and_arguments(pool: Pool, error: BaseException) -> None:
    raised = error_of(pool, error)

    assert type(raised) is type(error)
    assert raised.args == error.args
    assert pool.submit(functions.square, 2).result() == 4


def test_result_raises_what_exception_returns(pool: Pool) -> None:
    future = pool.submit(functions.fail, "it")

    with pytest.raises(ValueError, match="cannot use 'it'") as caught:
        future.result()
    assert caught.value is future.exception()
    with pytest.raises(ValueError, match="cannot use 'it'"):
        future.result()


def test_the_cause_is_the_remote_traceback_with_the_users_lines(pool: Pool) -> None:
    error = pool.submit(functions.raise_with_cause).exception()

    assert isinstance(error, LookupError)
    assert isinstance(error.__cause__, RemoteTraceback)
    text = str(error.__cause__)
    first_line = functions.raise_with_cause.__code__.co_firstlineno
    assert f'File "{functions.__file__}", line {first_line + 4}, in raise_with_cause' in text
    assert 'raise LookupError("outer") from error' in text
    assert "ValueError: cannot use 'inner'" in text
    assert "elsewhere/worker" not in text


def test_a_note_names_worker_host_and_attempt(pool: Pool) -> None:
    error = pool.submit(functions.fail, "it").exception()
    assert error is not None
    assert error.__notes__[0] in {
        f"raised in worker {worker} on {HOST}, attempt 1, by fail('it')" for worker in (1, 2)
    }

    retried = pool.options(retries=2).submit(functions.fail, "it").exception()
    assert retried is not None
    assert retried.__notes__[0].endswith(f"on {HOST}, attempt 3, by fail('it')")


def test_notes_of_the_users_own_arrive(pool: Pool) -> None:
    def fail() -> None:
        error = ValueError("with a note")
        error.add_note("the user's own")
        raise error

    error = pool.submit(fail).exception()

    assert error is not None
    assert error.__notes__[0] == "the user's own"
    assert len(error.__notes__) == 2


def test_what_a_user_sees_is_one_readable_traceback(pool: Pool) -> None:
    with pytest.raises(ValueError, match="cannot use") as caught:
        pool.submit(functions.fail, "it").result()

    shown = "".join(traceback.format_exception(caught.value))

    assert shown.count("ValueError: cannot use 'it'") == 2  # there and here
    assert f'File "{functions.__file__}"' in shown
    assert "attempt 1" in shown


def test_an_exception_whose_constructor_takes_other_arguments_keeps_its_type(pool: Pool) -> None:
    error = pool.submit(functions.raise_two_arguments).exception()

    assert isinstance(error, functions.TwoArguments)
    assert (error.code, error.reason) == (7, "no paper")
    assert str(error) == "no paper (7)"


def test_an_exception_that_cannot_be_pickled_arrives_as_its_description(pool: Pool) -> None:
    error = pool.submit(functions.raise_holds_lock).exception()

    assert isinstance(error, RemoteError)
    assert error.type_name == "tests.system.functions.HoldsLock"
    assert error.message == "locked in"
    assert "lock" in error.reason
    assert "in raise_holds_lock" in str(error.__cause__)


def test_an_exception_that_can_neither_be_shown_nor_pickled_arrives(pool: Pool) -> None:
    def fail() -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no text")

            def __reduce__(self) -> str:
                raise RuntimeError("no bytes")

        raise Mute

    error = pool.submit(fail).exception()

    assert error is not None
    assert type(error).__name__ == "Mute"
    assert "Mute" in str(error.__cause__)


def test_an_exception_of_a_class_made_inside_the_call_keeps_its_name(pool: Pool) -> None:
    def fail() -> None:
        class Local(Exception):
            pass

        raise Local("made here")

    error = pool.submit(fail).exception()

    assert type(error).__name__ == "Local"
    assert str(error) == "made here"


def test_groups_arrive_with_their_members(pool: Pool) -> None:
    group = ExceptionGroup("several", [ValueError(1), TypeError("two")])
    raised = error_of(pool, group)

    assert isinstance(raised, ExceptionGroup)
    assert [type(member) for member in raised.exceptions] == [ValueError, TypeError]
    assert raised.split(ValueError)[0] is not None
    base = error_of(pool, BaseExceptionGroup("base", [KeyboardInterrupt()]))
    assert type(base) is BaseExceptionGroup


def test_endless_recursion_fails_the_call_and_not_the_worker(pool: Pool) -> None:
    before = set(pool.map(functions.process_id, range(20), chunksize=1))

    error = pool.submit(functions.recurse).exception()

    assert isinstance(error, RecursionError)
    assert len(str(error.__cause__)) < 20_000
    assert set(pool.map(functions.process_id, range(20), chunksize=1)) <= before


def test_running_into_a_memory_limit_fails_the_call_and_not_the_worker(pool: Pool) -> None:
    before = set(pool.map(functions.process_id, range(20), chunksize=1))

    error = pool.submit(functions.take_more_memory_than_allowed).exception()

    assert isinstance(error, MemoryError)
    assert set(pool.map(functions.process_id, range(20), chunksize=1)) <= before


def test_sys_exit_fails_the_call_and_not_the_worker(pool: Pool) -> None:
    before = set(pool.map(functions.process_id, range(20), chunksize=1))

    error = pool.submit(functions.leave_with, 3).exception()

    assert isinstance(error, SystemExit)
    assert error.code == 3
    assert set(pool.map(functions.process_id, range(20), chunksize=1)) <= before


# ---------------------------------------------------------------- what cannot travel


class Settings:
    def __init__(self) -> None:
        self.db = {"main": [1, threading.Lock()]}


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ((threading.Lock(),), "args[0]"),
        ((1, [2, {"key": threading.Lock()}]), "args[1][1]['key']"),
        ((Settings(),), "args[0].db['main'][1]"),
        ((functions.make_generator(),), "args[0]"),
    ],
)
def test_an_argument_that_cannot_travel_is_named_by_its_path(
    pool: Pool, args: tuple[object, ...], path: str
) -> None:
    with pytest.raises(NotPicklable) as caught:
        pool.submit(print, *args).result()

    assert caught.value.path == path
    assert caught.value.remedy


def test_a_keyword_argument_that_cannot_travel_is_named(pool: Pool) -> None:
    with pytest.raises(NotPicklable) as caught:
        pool.submit(dict, good=1, bad=[threading.Lock()]).result()

    assert caught.value.path == "kwargs['bad'][0]"


def test_a_result_that_cannot_travel_is_named_by_its_path(pool: Pool) -> None:
    def make() -> dict[str, object]:
        return {"fine": 1, "sockets": [socket.socket()]}

    error = pool.submit(make).exception()

    assert isinstance(error, NotPicklable)
    assert error.path == "result['sockets'][0]"
    assert error.__notes__[0].startswith("returned in worker")


def test_a_result_of_a_call_in_a_call_tells_who_returned_it_and_who_asked(pool: Pool) -> None:
    def ask() -> object:
        return elsewhere.call(threading.Lock)

    error = pool.submit(ask).exception()

    assert isinstance(error, NotPicklable)
    returned, called = error.__notes__
    assert returned.startswith("returned in worker")
    assert "lock()" in returned
    assert called.startswith("called by")
    assert called.endswith("attempt 1")


def test_only_the_call_that_cannot_travel_fails(pool: Pool) -> None:
    arguments: list[object] = [1, threading.Lock(), 3]

    futures = [pool.submit(functions.identity, argument) for argument in arguments]

    assert futures[0].result() == 1
    assert isinstance(futures[1].exception(), NotPicklable)
    assert futures[2].result() == 3


def test_a_pool_itself_cannot_travel_and_says_what_to_do(pool: Pool) -> None:
    with pytest.raises(NotPicklable, match="make a pool there"):
        pool.submit(functions.identity, pool).result()
