"""Ctrl-C is held back for a moment, and delivered after it."""

import signal
import threading
from collections.abc import Iterator

import pytest

from elsewhere.interrupts import DeferredInterrupts


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_comes_at_the_end_of_the_block() -> None:
    steps = []

    def step() -> None:
        with DeferredInterrupts():
            interrupt()
            steps.append("not torn")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert steps == ["not torn"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_several_interrupts_are_one() -> None:
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(1))
    with DeferredInterrupts():
        interrupt()
        interrupt()
    assert came == [1]


def test_blocks_may_be_nested() -> None:
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(len(came)))
    with DeferredInterrupts():
        with DeferredInterrupts():
            interrupt()
        assert came == []
    assert came == [0]


def test_nothing_came_and_nothing_comes() -> None:
    with DeferredInterrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_passes() -> None:
    with pytest.raises(ValueError, match="mine"), DeferredInterrupts():
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_ignores_is_put_back() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with DeferredInterrupts():
        interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_handler_from_elsewhere_is_replaced_by_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = DeferredInterrupts()
    with block:
        block._handler = None  # what signal() returns for a handler that was not set from Python
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_leaves_the_handler_alone() -> None:
    seen = []

    def look() -> None:
        with DeferredInterrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_inside_the_block_it_may_be_allowed_again() -> None:
    came: list[str] = []
    signal.signal(signal.SIGINT, lambda *_: came.append("now"))
    with DeferredInterrupts() as deferral:
        interrupt()
        assert came == []
        deferral.allow()
        assert came == ["now"]
        interrupt()
        assert came == ["now", "now"]
        deferral.hold()
        interrupt()
        assert came == ["now", "now"]
    assert came == ["now"] * 3


def test_allowing_what_did_not_come_delivers_nothing() -> None:
    with DeferredInterrupts() as deferral:
        deferral.allow()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        deferral.hold()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_can_allow_nothing() -> None:
    seen = []

    def look() -> None:
        with DeferredInterrupts() as deferral:
            deferral.allow()
            deferral.hold()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
