"""Functions whose calls make calls, for the tests of calls inside calls."""

import asyncio
import concurrent.futures
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import elsewhere


def identity(value: Any) -> Any:
    return value


def where() -> int:
    return os.getpid()


def fail(number: int) -> NoReturn:
    raise ValueError(number)


def fib(n: int) -> int:
    if n < 2:
        return n
    first, second = elsewhere.spawn(fib, n - 1), elsewhere.spawn(fib, n - 2)
    return first.result() + second.result()


def deep(n: int) -> int:
    return elsewhere.call(deep, n - 1) + 1 if n else 0


def wide(n: int) -> int:
    return sum(future.result() for future in [elsewhere.spawn(identity, i) for i in range(n)])


def map_in_map(n: int) -> list[list[int]]:
    return list(elsewhere.map(squares, range(n)))


def squares(n: int) -> list[int]:
    return list(elsewhere.map(pow, range(n), [2] * n))


def in_odd_places(n: int) -> list[Any]:
    def numbers() -> Iterator[int]:
        for number in range(n):
            yield elsewhere.call(identity, number)

    class Body:
        value = elsewhere.call(identity, n)

    ordered = sorted(range(n), key=lambda number: elsewhere.call(identity, -number))
    return [list(numbers()), [elsewhere.call(identity, i) for i in range(n)], ordered, Body.value]


def from_a_thread(n: int) -> list[int]:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(fib(n))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def by_the_standard_library(n: int) -> tuple[int, list[int]]:
    done, _ = concurrent.futures.wait([elsewhere.spawn(identity, i) for i in range(n)])
    futures = [elsewhere.spawn(identity, i) for i in range(n)]
    return len(done), sorted(f.result() for f in concurrent.futures.as_completed(futures))


def gather_failures() -> list[Any]:
    return elsewhere.gather(*[elsewhere.spawn(fail, i) for i in range(3)])


def divide(x: float, y: float) -> float:
    return x / y


def ratio(i: int) -> float:
    return elsewhere.call(divide, i, i - 1)


def spawn_and_spin(children: int, seconds: float) -> tuple[int, set[int]]:
    """Make children, then never pause: whoever runs them must have taken them from here."""
    futures = [elsewhere.spawn(where) for _ in range(children)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return os.getpid(), {future.result() for future in futures}


def wait_for_a_killer(path: str) -> int:
    """The first time round, a child kills the worker in which this call is parked."""
    elsewhere.call(kill_parent_once, path)
    return os.getpid()


def kill_parent_once(path: str) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def cannot_travel() -> int:
    lock = threading.Lock()

    def is_locked() -> bool:
        return lock.locked()

    future = elsewhere.spawn(is_locked)
    return int(future.result())


def wait_too_short() -> str:
    future = elsewhere.spawn(time.sleep, 0.2)
    started = elsewhere.spawn(wait_briefly_for, 5.0)
    assert future.result() is None
    return started.result()


def wait_briefly_for(seconds: float) -> str:
    forever: concurrent.futures.Future[None] = elsewhere.spawn(identity, None)
    forever.result()
    return f"{seconds:g}"


async def sleep_and_square(n: int) -> int:
    await asyncio.sleep(0.1)
    square: int = await elsewhere.spawn(pow, n, 2)
    return square


async def many_at_once(n: int) -> int:
    futures: list[Any] = [elsewhere.spawn(sleep_and_square, i) for i in range(n)]
    return sum(await asyncio.gather(*futures))


async def block() -> None:
    elsewhere.call(identity, 1)


async def sleep_long() -> None:
    await asyncio.sleep(600)


@elsewhere.task(pure=True)
def note_and_square(path: str, n: int) -> int:
    """Note each execution in a file."""
    with open(path, "a") as notes:
        notes.write(f"{n}\n")
    return n * n


@elsewhere.task(pure=True)
def sum_of_squares(path: str, n: int) -> int:
    return sum(elsewhere.map(note_and_square, [path] * n, range(n)))


@elsewhere.task(pure=True)
def around(n: int, length: int) -> int:
    return elsewhere.call(around, (n + 1) % length, length)


@elsewhere.task(pure=True)
def fail_and_note(path: str) -> NoReturn:
    with open(path, "a") as notes:
        notes.write("ran\n")
    raise LookupError("always")


@elsewhere.task(pure=True)
def a(path: str) -> str:
    return "A" + elsewhere.call(b, path)


@elsewhere.task(pure=True)
def b(path: str) -> str:
    return "B"


@elsewhere.task(pure=True)
def c(path: str) -> str:
    return "C" + elsewhere.call(d, path)


@elsewhere.task(pure=True)
def d(path: str) -> str:
    time.sleep(0.02)
    return "D" + elsewhere.call(e, path)


@elsewhere.task(pure=True)
def e(path: str) -> str:
    time.sleep(0.02)
    return "E"


@elsewhere.task(pure=True)
def z(path: str) -> str:
    return "Z" + elsewhere.call(e, path)
