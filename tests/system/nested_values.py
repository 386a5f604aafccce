"""Functions whose calls make calls with large values."""

import pickle
from typing import Any

import elsewhere
from tests.system import large


def give_large_result(count: int) -> tuple[list[bool], list[int]]:
    array = elsewhere.spawn(large.fill, 7)
    mapped = [elsewhere.spawn(large.is_mapped_here, array) for _ in range(count)]
    sums = [elsewhere.spawn(large.total, array) for _ in range(count)]
    return elsewhere.gather(*mapped), elsewhere.gather(*sums)


def write_to_result() -> None:
    large.write_to(elsewhere.call(large.fill, 7))


def where_result() -> int | None:
    future = elsewhere.spawn(large.fill, 7)
    future.result()
    return future.where()


def give_large_arguments(count: int) -> tuple[list[bool], list[int], set[int]]:
    array = large.fill(3)
    mapped = [elsewhere.spawn(large.is_mapped, array) for _ in range(count)]
    sums = [elsewhere.spawn(large.add_in_place, array, number) for number in range(count)]
    return elsewhere.gather(*mapped), elsewhere.gather(*sums), set(array.tolist())


def give_small_buffers() -> list[Any]:
    array = large.fill(1)[:4]
    return [elsewhere.call(large.is_mapped, array), elsewhere.call(large.total, array)]


def make_one_after_another(count: int) -> int:
    return sum(int(elsewhere.call(large.fill, number).sum()) for number in range(count))


def give_value_of_own_pool() -> list[int]:
    with elsewhere.Pool(1) as own:
        array = own.submit(large.fill, 9)
        array.result()
        with_it = elsewhere.spawn(large.total, array)  # goes to that pool
        first = with_it.result()
    return [first, elsewhere.call(large.total, array)]


def return_large(number: int) -> dict[str, Any]:
    return {"large": elsewhere.spawn(large.fill, number), "small": elsewhere.spawn(abs, -number)}


def return_in_return(number: int) -> list[Any]:
    return [elsewhere.spawn(return_large, number)]


def pass_on(values: dict[str, Any]) -> list[Any]:
    return [values["large"]]


def sum_of_returned(values: list[Any]) -> int:
    return int(values[0].result().sum())


def keep_returned(values: dict[str, Any]) -> int:
    large.keep(values["large"])
    return 1


def sum_of_kept() -> int:
    return sum(int(future.result().sum()) for future in large._kept)


def dump_future() -> bytes:
    return pickle.dumps(elsewhere.spawn(large.fill, 7))


@elsewhere.task(pure=True)
def return_large_purely(number: int) -> dict[str, Any]:
    return return_large(number)


def part_of_result() -> Any:
    return large.part_of(elsewhere.call(large.fill, 7))
