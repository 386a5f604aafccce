"""What the calls of these tests run. It imports little, because every worker imports it too."""

import ctypes
import functools
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

MEBIBYTE = 2**20


def identity(value: object) -> object:
    return value


def square(number: int) -> int:
    return number * number


@functools.cache
def cached_square(number: int) -> int:
    return number * number


def add(*numbers: int) -> int:
    return sum(numbers)


def process_id(*_: object) -> int:
    return os.getpid()


# ---------------------------------------------------------------- calls that last


def spin(seconds: float) -> str:
    """Keep a processor busy in Python."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        continue
    return "spun"


def spin_for_a_moment(value: int) -> int:
    spin(0.002)
    return value


def nap(value: int) -> int:
    time.sleep(0.02)
    return value


def swallow_interrupts(seconds: float) -> None:
    """Run on through whatever is raised in here."""
    until = time.monotonic() + seconds
    swallowed = 0
    while time.monotonic() < until:
        try:
            time.sleep(0.05)
        except BaseException:  # noqa: BLE001  # the misbehaviour that the tests need
            swallowed += 1


def ignore_signals(seconds: float) -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    swallow_interrupts(seconds)


def hold_the_interpreter() -> int:
    """One C call of many seconds that no other thread of the process can interleave with."""
    number = 1 << 3_000_000_000
    return (number * number).bit_length()


def sleep_with_the_interpreter(seconds: int) -> int:
    """One C call that no other thread of the process can interleave with, and that needs nothing."""
    left: int = ctypes.PyDLL(None).sleep(seconds)
    return left


def wait_for_file(path: str) -> str:
    """Run until the file is there."""
    while not Path(path).exists():
        time.sleep(0.005)
    return path


def touch_and_wait(started: str, release: str) -> str:
    """Say that this call runs, then run until it is released."""
    append_line(started, "started")
    return wait_for_file(release)


# ---------------------------------------------------------------- calls that leave a trace


def append_line(path: str, line: str) -> None:
    """Whole lines from several processes do not mix: one write, appended."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def count_lines(path: str) -> int:
    return len(Path(path).read_text().splitlines()) if Path(path).exists() else 0


def note(path: str, value: int) -> int:
    append_line(path, str(value))
    return value


def note_and_nap(path: str, value: int) -> int:
    append_line(path, str(value))
    return nap(value)


def fail_until(path: str, attempts: int) -> int:
    """Raise in all attempts before number `attempts`."""
    append_line(path, "attempt")
    attempt = count_lines(path)
    if attempt < attempts:
        raise ValueError(f"attempt {attempt}")
    return attempt


def last_until(path: str, attempts: int) -> int:
    """Last too long in all attempts before number `attempts`."""
    append_line(path, "attempt")
    attempt = count_lines(path)
    if attempt < attempts:
        time.sleep(60)
    return attempt


def die_until(path: str, attempts: int) -> int:
    """Take the worker down in all attempts before number `attempts`."""
    append_line(path, "attempt")
    attempt = count_lines(path)
    if attempt < attempts:
        kill_own_process()
    return attempt


# ---------------------------------------------------------------- calls that end their worker


def kill_own_process(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process runs on")


def kill_own_group() -> NoReturn:
    os.killpg(0, signal.SIGKILL)
    raise AssertionError("a killed process runs on")


def kill_parent() -> None:
    """Kill the process that started this one, and wait for what comes of it."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def exit_at_once(code: int) -> NoReturn:
    os._exit(code)


def read_address_zero() -> object:
    return ctypes.string_at(0)


def die_on(poison: int, value: int) -> int:
    if value == poison:
        kill_own_process()
    return value


def use_memory_then_die(size_bytes: int) -> NoReturn:
    data = bytearray(os.urandom(MEBIBYTE)) * (size_bytes // MEBIBYTE)
    data[-1] = 1
    kill_own_process()


def take_more_memory_than_allowed() -> int:
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (512 * MEBIBYTE, limits[1]))
    try:
        return len(bytearray(2048 * MEBIBYTE))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


# ---------------------------------------------------------------- calls that raise


class TwoArguments(Exception):
    """Its constructor takes other arguments than it hands on, so pickle cannot make it again."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code
        self.reason = reason


class HoldsLock(Exception):
    """Cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


class Unusual(BaseException):
    """No Exception."""


def fail(value: object) -> NoReturn:
    raise ValueError(f"cannot use {value!r}")


def fail_on(bad: int, value: int) -> int:
    if value == bad:
        fail(value)
    return value


def raise_this(error: BaseException) -> NoReturn:
    raise error


def raise_two_arguments() -> NoReturn:
    raise TwoArguments(7, "no paper")


def raise_holds_lock() -> NoReturn:
    raise HoldsLock("locked in")


def raise_with_cause() -> NoReturn:
    try:
        fail("inner")
    except ValueError as error:
        raise LookupError("outer") from error


def recurse(depth: int = 0) -> int:
    return recurse(depth + 1)


def leave_with(code: int) -> NoReturn:
    sys.exit(code)


def stop_iteration_on(bad: int, value: int) -> int:
    if value == bad:
        raise StopIteration
    return value


def make_generator() -> Iterator[int]:
    yield 1


def generator_on(bad: int, value: int) -> object:
    return make_generator() if value == bad else value
