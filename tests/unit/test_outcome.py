"""A settlement opens as a value, or as an exception that tells what became of the call."""

import os
from concurrent.futures import CancelledError

import pytest

from elsewhere.calls.messages import Settlement, Verdict
from elsewhere.calls.workers import Exit
from elsewhere.codec.failures import encode_failure
from elsewhere.codec.values import dumps
from elsewhere.errors import CallQuarantined, CallTimeout, InitializerFailed, WorkerLost
from elsewhere.outcome import describe_end, open_failure, open_settlement


def refuse() -> None:
    raise ValueError("not here")


class Refuses:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return refuse, ()


def test_a_value_is_unpickled() -> None:
    settlement = Settlement(1, Verdict.VALUE, dumps([1], "result"))
    assert open_settlement(settlement, "f", None) == ([1], None)


def test_a_value_that_does_not_unpickle_is_a_failure() -> None:
    value, error = open_settlement(
        Settlement(1, Verdict.VALUE, dumps(Refuses(), "result")), "f", None
    )
    assert value is None
    assert isinstance(error, ValueError)
    assert error.args == ("not here",)
    assert "in this process, as it unpickled a value that worker 0 on" in error.__notes__[0]


def test_an_error_says_where_it_was_raised() -> None:
    settlement = Settlement(1, Verdict.ERROR, encode_failure(KeyError("k")), 3, 2)
    value, error = open_settlement(settlement, "f", None)
    assert value is None
    assert isinstance(error, KeyError)
    assert error.__notes__ == [f"raised in worker 3 on {os.uname().nodename}, attempt 2"]


def test_a_call_that_was_taken_back() -> None:
    assert isinstance(open_failure(Settlement(1, Verdict.CANCELLED), "f", None), CancelledError)


def test_a_call_that_ran_too_long_names_its_limit() -> None:
    error = open_failure(Settlement(1, Verdict.TIMED_OUT, attempt=2), "f", 1.5)
    assert isinstance(error, CallTimeout)
    assert isinstance(error, TimeoutError)
    assert str(error) == ("f ran longer than its time limit of 1.5 s (attempt 2) and was stopped")


@pytest.mark.parametrize(
    ("how", "text"),
    [
        (Exit(3), "f took its worker down 3 times; the last one exited with code 3. "),
        (
            Exit(None, 9, 2**30),
            "SIGKILL (perhaps by the kernel, for want of memory), having used 1,024 MiB of memory",
        ),
        (Exit(None, 11), "the last one was killed by SIGSEGV. "),
        (Exit(None, 123456), "the last one was killed by signal 123456. "),
        (Exit(7, fork=True), "f took its fork down 3 times; the last one exited with code 7. "),
        (Exit(), "the last one was lost. "),
        (None, "the last one was lost. "),
    ],
)
def test_a_call_that_kills_says_how(how: Exit | None, text: str) -> None:
    settlement = Settlement(1, Verdict.QUARANTINED, deaths=3, exit=how)
    error = open_failure(settlement, "f", None)
    assert isinstance(error, CallQuarantined)
    assert text in str(error)
    assert error.memory_bytes == (how.memory_bytes if how is not None else None)


def test_an_initializer_that_raised_is_the_cause() -> None:
    settlement = Settlement(1, Verdict.UNSTARTABLE, encode_failure(ValueError("setup")))
    error = open_failure(settlement, "f", None)
    assert isinstance(error, InitializerFailed)
    assert "no worker could take f" in str(error)
    assert isinstance(error.__cause__, ValueError)


def test_workers_that_never_started_say_how_the_last_one_died() -> None:
    settlement = Settlement(1, Verdict.UNSTARTABLE, exit=Exit(1))
    error = open_failure(settlement, "f", None)
    assert isinstance(error, WorkerLost)
    assert "the last one exited with code 1 before it was ready" in str(error)


def test_an_end_that_nobody_saw() -> None:
    assert describe_end(Settlement(1, Verdict.QUARANTINED)) == "was lost"
