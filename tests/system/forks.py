"""Functions for calls that run in forks."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import elsewhere
from elsewhere import Depends, Future

changes = 0


def counter() -> dict[str, int]:
    return {"uses": 0, "maker": os.getpid()}


Counter = Annotated[dict[str, int], Depends(counter)]


def count(x: object, kept: Counter) -> tuple[int, int, int]:
    """How often the counter was used, who has made it, and who uses it."""
    kept["uses"] += 1
    return kept["uses"], kept["maker"], os.getpid()


def of_call(kept: Counter) -> tuple[int, int]:
    return kept["maker"], os.getpid()


def makers(
    x: object, made: Annotated[tuple[int, int], Depends(of_call).options(scope="call")]
) -> tuple[int, int, int]:
    """Who has made what is kept, who what was made for this call, and who this is."""
    return *made, os.getpid()


async def loops() -> AsyncIterator[Any]:
    yield asyncio.get_running_loop()


async def is_own_loop(loop: Annotated[Any, Depends(loops)]) -> bool:
    await asyncio.sleep(0)
    return loop is asyncio.get_running_loop()


def broken() -> int:
    raise LookupError("no model")


def needs_broken(model: Annotated[int, Depends(broken)]) -> int:
    return model


def change(x: object = None) -> int:
    global changes  # that is what is tested
    changes += 1
    return changes


def process(x: object = None) -> int:
    return os.getpid()


def family() -> tuple[int, int]:
    return os.getppid(), os.getpid()


def exit_at(x: int, bad: int) -> int:
    if x == bad:
        os._exit(3)
    return x


def add(x: int, y: int) -> int:
    return x + y


def make_calls(x: int) -> tuple[int, list[int], bool]:
    """The sum of a map, the processes in which it ran, and whether this is one of them."""
    total = sum(elsewhere.map(add, range(x), range(x)))
    inner = elsewhere.call(family)[1]
    return total, [inner], inner == os.getpid()


def return_future() -> Future[int]:
    return elsewhere.spawn(add, 1, 2)


def print_from_threads(lines: int) -> None:
    def say(name: str) -> None:
        for number in range(lines):
            print(f"{name} {number} " + 100 * name)

    threads = [threading.Thread(target=say, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("unfinished", end="")


def yield_when_asked() -> None:
    try:
        while True:
            time.sleep(0.01)
    finally:
        print("is asked to stop")


def be_deaf() -> None:
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:  # noqa: BLE001  # that is what is tested
            print("hears nothing")


def fork_and_come_back() -> int:
    if os.fork() == 0:
        return 1
    os.wait()
    return 2


def close_everything() -> None:
    os.closerange(3, 1024)
    time.sleep(60)


def leave_process(path: str) -> int:
    """Fork a process that outlives the call and holds all that it has open."""
    if os.fork() == 0:
        while not os.path.exists(path):
            time.sleep(0.01)
        os._exit(0)
    return 1


def fill(size: int) -> bytes:
    return bytes(size)


def deadly() -> Iterator[int]:
    yield 1
    os._exit(5)


@elsewhere.task
def use_deadly(number: int = Depends(deadly)) -> int:
    return number


def fill_and_die(size: int) -> bytes:
    """Its value is encoded when what it has made in its fork takes that down."""
    return bytes(size * use_deadly())


def wait_in_thread(x: int) -> int:
    """A call of this worker whose thread needs what waits in the worker."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(elsewhere.call(isolated, x)))
    thread.start()
    thread.join()
    return found[0]


@elsewhere.task(isolation="fork")
def isolated(x: int) -> int:
    return change() + x
