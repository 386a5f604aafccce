"""Calls that make calls in ways of their own, for the tests of what a worker does with them."""

import asyncio
import concurrent.futures
import os
import threading
from typing import Any

from greenlet import greenlet

import elsewhere
from elsewhere import CallTimeout, Pool


def double(number: float) -> float:
    return 2 * number


async def double_later(number: float) -> Any:
    await asyncio.sleep(0)
    return 2 * number


@elsewhere.task(pure=True)
def pure_double(number: float) -> float:
    return 2 * number


@elsewhere.task(pure=True)
def park_briefly(number: float) -> float:
    return elsewhere.call(pure_double, number)


def by_a_loop_of_its_own(numbers: list[float]) -> list[float]:
    async def main() -> list[float]:
        futures: list[Any] = [elsewhere.spawn(double, number) for number in numbers]
        return list(await asyncio.gather(*futures))

    return asyncio.run(main())


def by_a_loop_in_a_thread(numbers: list[float]) -> list[float]:
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.extend(by_a_loop_of_its_own(numbers)))
    thread.start()
    thread.join()
    return found


def by_a_callback(number: float) -> float:
    """A callback that waits for a call itself, while this call waits for what it does."""
    found: list[float] = []
    done = elsewhere.spawn(pure_double, number)
    called = threading.Event()

    def go_on(future: Any) -> None:
        found.append(elsewhere.call(pure_double, future.result()))
        called.set()

    done.add_done_callback(go_on)
    done.result()
    assert called.wait(60)
    return found[0]


def by_a_greenlet(number: float) -> list[float]:
    """In a greenlet of its own it waits for what has been begun in this worker."""
    found: list[float] = []
    future = elsewhere.spawn(park_briefly, number)
    greenlet(lambda: found.append(future.result())).switch()
    return found


def by_many_threads(count: int) -> list[float]:
    """Threads that are the first of their worker to make calls, all at once."""
    found: list[float] = []
    together = threading.Barrier(count)

    def ask(number: int) -> None:
        together.wait()
        found.append(elsewhere.call(pure_double, number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def by_a_pool_of_its_own() -> bool:
    with Pool(1) as pool:
        return elsewhere.call(os.getpid) == pool.submit(os.getpid).result() != os.getpid()


async def cancel_a_pure_call(number: float) -> bool:
    """In a coroutine, where nothing may block: cancel what the gateway has."""
    future = elsewhere.spawn(pure_double, number)
    future.cancel()
    await asyncio.sleep(0)
    return True


@elsewhere.task(timeout=0.3)
def run_for_ever() -> None:
    while True:
        pass


@elsewhere.task(pure=True)
def run_for_ever_purely() -> None:
    while True:
        pass


def wait_for_the_pure_one() -> None:
    elsewhere.call(run_for_ever_purely)


def say_the_limit() -> str:
    try:
        elsewhere.call(run_for_ever)
    except CallTimeout as error:
        return str(error)
    return ""


def take_back_two() -> list[bool]:
    """To take one call back must not begin the other, which never ends."""
    asked = elsewhere.spawn(elsewhere.task(interrupt=True)(run_for_ever.function))
    waiting = elsewhere.spawn(run_for_ever.function)
    return [asked.cancel(), waiting.cancel()]


@elsewhere.task(pure=True)
def pure_tree(depth: int, seed: int) -> int:
    return sum(elsewhere.map(pure_tree, [depth - 1] * 2, [seed] * 2)) if depth else 1


def trees_by_threads(count: int, seed: int) -> list[float]:
    found: list[float] = []

    def ask(number: int) -> None:
        found.append(elsewhere.call(pure_tree, 2, seed + number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@elsewhere.task(pure=True)
def around_by_threads(number: int) -> int:
    """It waits for itself, in a thread of a thread."""
    found: list[BaseException | None] = []

    def ask() -> None:
        found.append(elsewhere.spawn(around_by_threads, 1 - number).exception())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    if found[0] is not None:
        raise found[0]
    return number


def by_the_standard_library_in_a_thread(count: int) -> list[float]:
    found: list[float] = []

    def ask() -> None:
        futures = [elsewhere.spawn(double, number) for number in range(count)]
        futures += [elsewhere.spawn(pure_double, -number) for number in range(count)]
        done, _ = concurrent.futures.wait(futures)
        found.extend(future.result() for future in concurrent.futures.as_completed(done))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return sorted(found)
