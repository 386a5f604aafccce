"""Functions that are given futures, and that give them to the calls they make."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future as StandardFuture
from concurrent.futures import as_completed, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import elsewhere


@dataclass(frozen=True)
class Order:
    """A container of the user's own."""

    amount: Any
    parts: Any = ()


def identity(value: Any) -> Any:
    return value


def increment(number: Any) -> Any:
    return number + 1


def add(*numbers: Any) -> int:
    return sum(numbers)


def fail(value: object) -> NoReturn:
    raise ValueError(f"cannot use {value!r}")


def fail_on(bad: int, value: Any) -> Any:
    return fail(value) if value == bad else value


def total(order: Order, *more: Any, **named: Any) -> int:
    """The sum of all numbers in whatever is given."""
    found = 0
    todo = [order.amount, order.parts, more, named]
    while todo:
        one = todo.pop()
        if isinstance(one, Order):
            todo += [one.amount, one.parts]
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, (list, tuple, set)):
            todo += one
        else:
            found += one
    return found


def are_one(first: object, second: object) -> bool:
    return first is second


def wait_for_file(path: str, value: Any = None) -> Any:
    Path(f"{path} begun").touch()
    while not Path(path).exists():
        time.sleep(0.005)
    return value


def kill_once(path: str, value: Any) -> Any:
    """Take the worker down, the first time round."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return value
    os.kill(os.getpid(), 9)
    return None


@elsewhere.task(pure=True)
def pure_increment(number: Any) -> Any:
    return number + 1


@elsewhere.task(retries=1)
def patient_increment(number: Any) -> Any:
    return number + 1


@elsewhere.task(pure=True)
def pure_failure(number: Any) -> Any:
    raise ValueError(number)


# ---------------------------------------------------------------- calls that make calls


def names_of_pure_calls() -> list[str]:
    made: Any = elsewhere.spawn(pure_failure, elsewhere.spawn(increment, 1))
    return [repr(made), *made.exception().__notes__]


def chain(length: int, step: Callable[[Any], Any] = increment) -> Any:
    future: Any = elsewhere.spawn(step, 0)
    for _ in range(length - 1):
        future = elsewhere.spawn(step, future)
    return future.result()


def chain_in_a_thread(length: int) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(chain(length)))
    thread.start()
    thread.join()
    return found[0]


def fan_in(width: int) -> int:
    return elsewhere.call(add, *[elsewhere.spawn(increment, i) for i in range(width)])


def fan_in_slow(width: int, seconds: float) -> int:
    """Never pauses: whoever begins these calls must have taken them from here."""
    futures = [elsewhere.spawn(increment, i) for i in range(width)]
    futures = [elsewhere.spawn(increment, future) for future in futures]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return elsewhere.call(add, *futures)


def wavefront(side: int) -> int:
    rows: list[list[Any]] = [[elsewhere.spawn(identity, 1) for _ in range(side)]]
    for _ in range(side - 1):
        above = rows[-1]
        row = [elsewhere.spawn(identity, 1)]
        for column in range(1, side):
            row.append(elsewhere.spawn(modular_add, row[-1], above[column]))
        rows.append(row)
    value: int = rows[-1][-1].result()
    return value


def modular_add(left: Any, right: Any) -> Any:
    return (left + right) % 1_000_003


def mixed_chain(length: int) -> int:
    """Plain calls, pure ones and those with options, each the input of the next."""
    future: Any = 0
    for number in range(length):
        step = (increment, pure_increment, patient_increment)[number % 3]
        future = elsewhere.spawn(step, future)
    value: int = future.result()
    return value


def everywhere() -> list[Any]:
    two = elsewhere.spawn(increment, 1)
    order = Order(two, [two, {"x": (two,)}])
    return [
        elsewhere.call(total, order, two, named={"y": [two]}),
        list(elsewhere.map(increment, [two, 5, elsewhere.spawn(increment, 7)])),
        elsewhere.gather(elsewhere.spawn(identity, [two]), elsewhere.spawn(are_one, two, two)),
        elsewhere.call(identity, elsewhere.spawn(list, (1, 2))),
    ]


def copies() -> bool:
    """Whether a call may change what it is given, and the others not see it."""
    made: Any = elsewhere.spawn(list)
    first, second = elsewhere.spawn(append_one, made), elsewhere.spawn(append_one, made)
    return bool(first.result() == second.result() == [1] and made.result() == [])


def append_one(values: Any) -> Any:
    values.append(1)
    return values


def chain_of_a_failure() -> list[str]:
    failed = elsewhere.spawn(fail, 1)
    last = elsewhere.spawn(increment, elsewhere.spawn(add, 1, failed))
    try:
        last.result()
    except ValueError as error:
        return list(error.__notes__)
    raise AssertionError("it did not fail")


def cancel_an_input() -> list[bool]:
    first = elsewhere.spawn(increment, 0)
    second = elsewhere.spawn(increment, first)
    third = elsewhere.spawn(add, second)
    cancelled = first.cancel()
    wait([third])
    return [cancelled, second.cancelled(), third.cancelled()]


async def in_a_coroutine(length: int) -> int:
    future = elsewhere.spawn(increment, 0)
    for _ in range(length - 1):
        future = elsewhere.spawn(increment, future)
    return int(await future)


def by_the_standard_library(width: int) -> int:
    made = [elsewhere.spawn(increment, i) for i in range(width)]
    given = [elsewhere.spawn(increment, future) for future in made]
    return sum(done.result() for done in as_completed(given))


def give_what_cannot_be() -> list[str]:
    pool = elsewhere.Pool(1)  # not entered, and so not in force
    blocked = pool.submit(time.sleep, 0.2)
    said = [str(elsewhere.spawn(identity, {"x": [blocked]}).exception())]
    pool.shutdown()
    said.append(str(elsewhere.spawn(identity, StandardFuture()).exception()))
    return said


def wait_with_children(killer: str) -> int:
    """Children wait for a child that takes its worker down, the first time round."""
    slow = elsewhere.spawn(kill_once, killer, 1)
    children = [elsewhere.spawn(add, i, slow) for i in range(20)]
    return elsewhere.call(add, *children)


# ---------------------------------------------------------------- calls that return futures


def spawned(number: int) -> Any:
    return elsewhere.spawn(increment, number)


def spawned_in_containers(number: int) -> Any:
    future = elsewhere.spawn(increment, number)
    return {"one": future, "two": [Order(future), elsewhere.spawn(fail, number)]}


def countdown(number: int) -> Any:
    return elsewhere.spawn(countdown, number - 1) if number else 0


def spawn_spawned(number: int) -> int:
    """The future that a call has returned is the input of another one."""
    inner = elsewhere.call(spawned, number)
    return int(elsewhere.call(increment, inner))


# ---------------------------------------------------------------- graphs


@dataclass(frozen=True)
class Node:
    """A call of a graph: how it is made, and which earlier nodes it is given."""

    kind: str
    sources: tuple[int, ...]
    nested: bool


def combine(name: int, given: Any) -> int:
    found = 17 * name
    for one in given.values() if isinstance(given, dict) else given:
        found = (31 * found + one) % 1_000_003
    return found


def refuse(name: int, given: Any) -> NoReturn:
    raise ValueError(name)


STEPS: dict[str, Callable[[int, Any], int]] = {
    "plain": combine,
    "pure": elsewhere.task(pure=True)(combine),
    "patient": elsewhere.task(retries=1)(combine),
    "fails": refuse,
}


def make_graph(
    nodes: list[Node], spawn: Callable[..., Any] = elsewhere.spawn
) -> list[tuple[str, int]]:
    """What became of each node: its value, or the node that failed."""
    futures: list[Any] = []
    for name, node in enumerate(nodes):
        sources = [futures[source] for source in node.sources]
        given = dict(enumerate(sources)) if node.nested else sources
        futures.append(spawn(STEPS[node.kind], name, given))
    return [tell(future) for future in futures]


def tell(future: Any) -> tuple[str, int]:
    error = future.exception(60)
    return ("value", future.result()) if error is None else ("failed", error.args[0])


def call_partial(number: int) -> Any:
    return elsewhere.call(partial(divmod, elsewhere.spawn(identity, number)), 3)


def use_list_as_key() -> Any:
    return elsewhere.call(identity, {elsewhere.spawn(identity, []): 1})
