"""Providers, and functions that are given what they make, for the tests of resources in workers."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import elsewhere
from elsewhere import Depends

NOTES = "ELSEWHERE_TEST_NOTES"


def note(text: str) -> None:
    """Add a line to the file that the environment names."""
    with open(os.environ[NOTES], "a") as file:
        file.write(f"{text} {os.getpid()}\n")


def notes() -> list[str]:
    """What was noted, without by whom."""
    path = Path(os.environ[NOTES])
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def base() -> Iterator[int]:
    note("base")
    yield os.getpid()
    note("base-ends")


def slow(b: Annotated[int, Depends(base)]) -> Iterator[int]:
    time.sleep(0.1)
    note("slow")
    yield b
    note("slow-ends")


def where(x: int, m: int = Depends(slow)) -> tuple[int, bool]:
    return x, m == os.getpid()


@elsewhere.task(retries=2, timeout=30)
def where_with_options(x: int, m: int = Depends(slow)) -> tuple[int, bool]:
    return x, m == os.getpid()


async def where_later(x: int, m: int = Depends(slow)) -> tuple[int, bool]:
    await asyncio.sleep(0.01)
    return x, m == os.getpid()


def children(n: int) -> list[tuple[int, bool]]:
    return elsewhere.gather(*[elsewhere.spawn(where, i) for i in range(n)])


def from_threads(n: int) -> list[tuple[int, bool]]:
    found: list[tuple[int, bool]] = []

    def run(i: int) -> None:
        found.append(elsewhere.call(where, i))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def square(x: int) -> int:
    return x * x


def calling() -> Iterator[int]:
    note("calling")
    yield elsewhere.call(square, 3) + sum(elsewhere.map(square, range(3)))
    note(f"calling-ends-{elsewhere.call(square, 2)}")


def given_calling(x: int, m: int = Depends(calling)) -> int:
    return x + m


def parallel(n: int) -> int:
    return sum(elsewhere.gather(*[elsewhere.spawn(given_calling, 0) for _ in range(n)]))


async def later() -> AsyncIterator[asyncio.Lock]:
    note("later")
    lock = asyncio.Lock()
    async with lock:
        yield lock
        await asyncio.sleep(0.01)
    note(f"later-ends-{await elsewhere.spawn(square, 2)}")


async def uses_loop(x: int, m: asyncio.Lock = Depends(later)) -> bool:
    return m.locked()


def uses_lock(x: int, m: asyncio.Lock = Depends(later)) -> bool:
    return m.locked()


def failing() -> Any:
    note("failing")
    raise OSError("no such model")


def given_failing(x: int, m: Any = Depends(failing)) -> Any:
    return m


def endless() -> Iterator[int]:
    note("endless")
    if len(notes()) < 2:
        time.sleep(60)
    yield 1


@elsewhere.task(timeout=0.3)
def given_endless(x: int, m: int = Depends(endless)) -> int:
    return m


def given_endless_unlimited(x: int, m: int = Depends(endless)) -> int:
    return m


def dies(x: int, m: int = Depends(slow)) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def forks(x: int, m: int = Depends(slow)) -> int:
    """In a forked process the resource is there, and its end changes nothing."""
    child = os.fork()
    if child == 0:
        os._exit(0 if elsewhere.call(where, 1)[0] == 1 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def busy(x: int, m: int = Depends(slow)) -> None:
    note("busy")
    while True:
        time.sleep(0.01)


@elsewhere.task(pure=True)
def pure(x: int, m: int = Depends(square, 3)) -> int:
    note("pure")
    return x + m


def failing_to_end() -> Iterator[int]:
    yield 1
    raise OSError("disk is gone")


def given_failing_to_end(x: int, m: int = Depends(failing_to_end)) -> int:
    return m


def brief(name: str) -> Iterator[str]:
    note(f"brief-{name}")
    yield name
    note(f"brief-ends-{name}")


def given_brief(x: int, m: str = Depends(brief, "a").options(idle_seconds=0.05)) -> str:
    return m
