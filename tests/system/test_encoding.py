"""A function is serialised once and sent once per worker; what it captures is never stale."""

import collections
from collections.abc import Callable

import pytest

from elsewhere import Pool
from elsewhere.calls.messages import Define, ToWorker
from elsewhere.links.pipe import PipeGatewayEnd
from tests.system import functions


class Counted:
    """Counts how often it is serialised."""

    serialised = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __reduce__(self) -> tuple[type["Counted"], tuple[int]]:
        Counted.serialised += 1
        return Counted, (self.value,)

    def plus(self, number: int) -> int:
        return self.value + number


@pytest.fixture(autouse=True)
def count_from_zero() -> None:
    Counted.serialised = 0


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> "collections.Counter[tuple[int, int]]":
    """How often each function (by number) was sent over each link."""
    counts: collections.Counter[tuple[int, int]] = collections.Counter()
    send = PipeGatewayEnd.send

    def count_and_send(self: PipeGatewayEnd, messages: list[ToWorker]) -> bool:
        for message in messages:
            if isinstance(message, Define):
                counts[id(self), message.function] += 1
        return send(self, messages)

    monkeypatch.setattr(PipeGatewayEnd, "send", count_and_send)
    return counts


def make_plus(counted: Counted) -> Callable[[int], int]:
    def plus(number: int) -> int:
        return counted.value + number

    return plus


def make_constant(data: bytes) -> Callable[[int], int]:
    def add_length(number: int) -> int:
        return len(data) + number

    return add_length


def test_a_map_serialises_its_function_once(pool: Pool) -> None:
    assert list(pool.map(make_plus(Counted(5)), range(3000)))[-1] == 3004
    assert Counted.serialised == 1

    assert list(pool.map(Counted(5).plus, range(3000)))[-1] == 3004
    assert Counted.serialised == 2


def test_a_map_sends_its_function_once_per_worker(
    pool: Pool, sent: "collections.Counter[tuple[int, int]]"
) -> None:
    numbers = list(pool.map(make_plus(Counted(5)), range(3000), chunksize=10))

    assert numbers == list(range(5, 3005))
    assert set(sent.values()) == {1}
    assert len(sent) <= pool.workers


def test_submits_send_a_function_once_per_worker(
    pool: Pool, sent: "collections.Counter[tuple[int, int]]"
) -> None:
    for function in (functions.square, lambda number: number, make_constant(bytes(2**20))):
        sent.clear()
        futures = [pool.submit(function, number) for number in range(300)]
        assert [future.result() for future in futures] == [function(n) for n in range(300)]
        assert set(sent.values()) == {1}
        assert len(sent) <= pool.workers


def test_a_captured_object_is_sent_again_only_when_it_changed(
    pool: Pool, sent: "collections.Counter[tuple[int, int]]"
) -> None:
    captured = Counted(5)
    plus = make_plus(captured)

    assert [pool.submit(plus, number).result() for number in range(100)] == list(range(5, 105))
    assert len(sent) <= pool.workers
    captured.value = 7
    assert pool.submit(plus, 1).result() == 8
    assert len(sent) <= pool.workers + 1


def test_the_next_submit_sees_a_reassigned_global(pool: Pool) -> None:
    # Of a module the workers have their own: only a function sent by value takes its globals along.
    space = {"OFFSET": 1}
    exec("def shift(number): return number + OFFSET", space)
    shift: Callable[[int], int] = space["shift"]  # type: ignore[assignment]  # made by exec

    assert pool.submit(shift, 1).result() == 2
    space["OFFSET"] = 10
    assert pool.submit(shift, 1).result() == 11
    assert list(pool.map(shift, [1, 2])) == [11, 12]


def test_the_next_submit_sees_a_reassigned_closure_variable(pool: Pool) -> None:
    factor = 2

    def scale(number: int) -> int:
        return factor * number

    assert pool.submit(scale, 3).result() == 6
    factor = 5
    assert pool.submit(scale, 3).result() == 15


def test_the_next_submit_sees_a_helper_that_was_redefined(pool: Pool) -> None:
    helper: Callable[[], str] = lambda: "old"  # noqa: E731  # redefined below

    def ask() -> str:
        return helper()

    assert pool.submit(ask).result() == "old"
    helper = lambda: "new"  # noqa: E731  # as in a notebook
    assert pool.submit(ask).result() == "new"


def test_the_next_submit_sees_captured_state_that_was_mutated(pool: Pool) -> None:
    numbers = [1]
    table = {"a": [1]}

    def read() -> tuple[list[int], dict[str, list[int]]]:
        return numbers, table

    assert pool.submit(read).result() == ([1], {"a": [1]})
    numbers.append(2)
    table["a"].append(3)
    assert pool.submit(read).result() == ([1, 2], {"a": [1, 3]})


def test_the_next_submit_sees_the_state_of_a_bound_method_and_of_a_callable_object(
    pool: Pool,
) -> None:
    counted = Counted(1)

    assert pool.submit(counted.plus, 1).result() == 2
    counted.value = 10
    assert pool.submit(counted.plus, 1).result() == 11
    assert list(pool.map(counted.plus, [1, 2])) == [11, 12]


def test_the_next_submit_sees_mutated_defaults_and_function_attributes(pool: Pool) -> None:
    def count(start: list[int] = [0]) -> tuple[list[int], object]:  # noqa: B006  # mutated on purpose
        return start, count.__dict__.get("label")

    assert pool.submit(count).result() == ([0], None)
    assert count.__defaults__ is not None
    count.__defaults__[0].append(1)
    count.__dict__["label"] = "named"
    assert pool.submit(count).result() == ([0, 1], "named")


def test_calls_that_are_under_way_keep_the_state_of_their_submit(pool: Pool) -> None:
    state = [0]

    def read() -> list[int]:
        return state

    futures = []
    for number in range(20):
        state[0] = number
        futures.append(pool.submit(read))

    assert [future.result() for future in futures] == [[number] for number in range(20)]


def test_functions_made_in_a_loop_do_not_mix(pool: Pool) -> None:
    def make(number: int) -> Callable[[], int]:
        return lambda: number

    futures = [pool.submit(make(number)) for number in range(200)]

    assert [future.result() for future in futures] == list(range(200))


def test_functions_that_are_gone_are_forgotten_by_the_workers(pool: Pool) -> None:
    # Each captures a megabyte: kept, they would be seen in the worker's memory.
    def resident_bytes() -> int:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    before = max(pool.map(lambda _: resident_bytes(), range(20), chunksize=1))
    for number in range(100):
        assert pool.submit(make_constant(bytes(2**20)), number).result() == 2**20 + number
    after = max(pool.map(lambda _: resident_bytes(), range(20), chunksize=1))

    assert after - before < 50 * 2**20
