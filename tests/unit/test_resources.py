"""Resources are made once, kept, shared and given up; here without a pool."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest

import elsewhere
from elsewhere import Depends, NoKey
from elsewhere.calls.resources import ResourceName
from elsewhere.calls.retention import ResourceLimits
from elsewhere.inject import memory, resource, resources
from elsewhere.inject.naming import exact_name_of, name_of_all
from elsewhere.inject.resources import RESOURCES, Resources
from elsewhere.plans.dependency import release_all
from elsewhere.plans.host import PROCESS
from elsewhere.plans.injected import Injected, injected
from elsewhere.plans.plan import kept_for, plan_of

# What a coroutine comes to, type checkers do not know.
call: Callable[..., Any] = elsewhere.call
events: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    events.clear()
    yield
    RESOURCES.end()
    PROCESS.limits = ResourceLimits()


class Clock:
    """The time of resources."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (resource, resources):
        monkeypatch.setattr(module, "monotonic", clock)
    monkeypatch.setattr(resources, "perf_counter", clock)
    return clock


def opened(name: str) -> Iterator[str]:
    events.append(f"open {name}")
    yield name
    events.append(f"close {name}")


def base() -> Iterator[str]:
    yield from opened("base")


def left(b: Annotated[str, Depends(base)]) -> Iterator[str]:
    yield from opened(f"left of {b}")


def right(b: Annotated[str, Depends(base)], side: str = "right") -> Iterator[str]:
    yield from opened(f"{side} of {b}")


@elsewhere.task
def both(
    x: int, m: str = Depends(left), n: str = Depends(right, side="other")
) -> tuple[int, str, str]:
    return x, m, n


def use(function: Callable[..., Any], *args: Any) -> Any:
    return injected(function)(*args)


def one(m: Annotated[str, Depends(opened, "one")]) -> str:
    return m


def two(m: Annotated[str, Depends(opened, "two")]) -> str:
    return m


def three(m: Annotated[str, Depends(opened, "three")]) -> str:
    return m


# ---------------------------------------------------------------- making


def test_each_is_made_once_and_they_end_in_the_opposite_order() -> None:
    assert both(1) == (1, "left of base", "other of base")
    assert call(both, 2) == (2, "left of base", "other of base")
    assert events == ["open base", "open left of base", "open other of base"]
    RESOURCES.end()
    assert events[3:] == ["close other of base", "close left of base", "close base"]
    assert both(3)[0] == 3
    assert len(events) == 9


def test_the_same_provider_with_other_arguments_is_another_resource() -> None:
    assert (use(one), use(two), use(one)) == ("one", "two", "one")
    assert events == ["open one", "open two"]


def test_what_is_given_explicitly_is_not_made() -> None:
    assert both(1, "mine", n="own") == (1, "mine", "own")
    assert not events


def test_a_provider_that_was_given_what_it_depends_on_makes_nothing_else() -> None:
    def function(m: Annotated[str, Depends(left, "given")]) -> str:
        return m

    assert use(function) == "left of given"
    assert events == ["open left of given"]


def test_a_task_and_a_class_may_be_providers() -> None:
    class Model:
        def __init__(self, size: int, b: Annotated[str, Depends(base)]) -> None:
            self.said = f"{size} {b}"

    def function(
        m: Annotated[Model, Depends(Model, 3)], n: Annotated[Any, Depends(both, 1)]
    ) -> Any:
        return m.said, n

    assert use(function) == ("3 base", (1, "left of base", "other of base"))


def test_providers_that_depend_on_themselves_are_found_before_anything_is_made() -> None:
    space: dict[str, Any] = {"__name__": "circle", "Annotated": Annotated, "Depends": Depends}
    space["base"] = base
    exec("def a(c: 'Annotated[int, Depends(c)]', b: 'Annotated[str, Depends(base)]'): ...", space)
    exec("def b(a: 'Annotated[int, Depends(a)]'): ...", space)
    exec("def c(b: 'Annotated[int, Depends(b, )]'): ...", space)
    exec("def f(x: 'Annotated[str, Depends(base)]', m: 'Annotated[int, Depends(b)]'): ...", space)
    with pytest.raises(
        TypeError, match=r"themselves: circle\.b → circle\.a → circle\.c → circle\.b"
    ):
        use(space["f"])
    assert not events


def test_a_circle_that_an_argument_ends_is_none() -> None:
    space: dict[str, Any] = {"__name__": "circle", "Annotated": Annotated, "Depends": Depends}
    exec("def a(n, c: 'Annotated[int, Depends(a, 1, 0)]'): return n + c", space)
    exec("def f(m: 'Annotated[int, Depends(a, 5)]'): return m", space)
    assert use(space["f"]) == 6


def test_a_resource_of_a_call_is_made_for_each_and_once_in_it() -> None:
    fresh = Depends(opened, "fresh").options(scope="call")

    def function(m: str = fresh, n: str = Depends(opened, "fresh").options(scope="call")) -> bool:
        events.append("run")
        return m is n

    assert use(function)
    assert use(function)
    assert events == ["open fresh", "run", "close fresh"] * 2


def test_a_kept_resource_keeps_what_was_made_for_it() -> None:
    def outer(m: str = Depends(opened, "inner").options(scope="call")) -> Iterator[str]:
        yield from opened(f"outer of {m}")

    def function(m: Annotated[str, Depends(outer)]) -> str:
        return m

    assert use(function) == use(function) == "outer of inner"
    RESOURCES.end()
    assert events == ["open inner", "open outer of inner", "close outer of inner", "close inner"]


def test_equal_providers_that_came_by_value_are_one() -> None:
    text = "def load():\n    events.append('made')\n    return 1\n"
    functions = []
    for _ in range(2):
        space: dict[str, Any] = {"__name__": "__main__", "events": []}
        exec(text, space)

        def function(m: int = Depends(space["load"])) -> int:
            return m

        functions.append((function, space["events"]))
    assert [use(function) for function, _ in functions] == [1, 1]
    assert [made for _, made in functions] == [["made"], []]


def test_a_provider_without_an_exact_name_is_shared_by_identity() -> None:
    lock = threading.Lock()

    def provider() -> object:
        with lock:
            return object()

    def first(m: Any = Depends(provider)) -> Any:
        return m

    def second(m: Any = Depends(provider)) -> Any:
        return m

    assert use(first) is use(second)

    def third(m: Any = Depends(lambda lock: object(), lock)) -> Any:
        return m

    assert use(third) is use(third)
    assert use(third) is not use(first)


def test_a_provider_may_change_what_it_reads() -> None:
    space: dict[str, Any] = {"__name__": "counting", "count": 0}
    exec("def load():\n global count\n count += 1\n return count\n", space)

    def first(m: int = Depends(space["load"])) -> int:
        return m

    def second(m: int = Depends(space["load"])) -> int:
        return m

    assert use(first) == use(second) == use(first) == 1


# ---------------------------------------------------------------- kinds of providers


def test_a_generator_yields_once() -> None:
    def never() -> Iterator[int]:
        yield from ()

    def function(m: int = Depends(never)) -> int:
        return m

    with pytest.raises(RuntimeError, match=r"never .* has ended without a `yield`"):
        use(function)


def test_a_clean_up_that_fails_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    def twice() -> Iterator[int]:
        yield 1
        events.append("more")
        yield 2

    def failing() -> Iterator[int]:
        yield 1
        raise OSError("disk is gone")

    def function(
        m: int = Depends(twice),
        n: int = Depends(failing),
        o: int = Depends(failing).options(scope="call"),
    ) -> int:
        return m + n + o

    assert use(function) == 3
    RESOURCES.end()
    assert events == ["more"]
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 3
    assert all(text.startswith("the clean-up of test_a_clean_up") for text in texts)
    errors = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert sorted(errors)[:2] == ["disk is gone"] * 2
    assert "yields more than once" in errors[2]


async def one_turn() -> None:
    """Let the loop do what else there is."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


async def value_later() -> str:
    await one_turn()
    return "later"


async def source_later(m: Annotated[str, Depends(value_later)]) -> AsyncIterator[str]:
    events.append(f"open {m}")
    lock = asyncio.Lock()
    async with lock:
        yield m
        await asyncio.wait_for(one_turn(), 10)
    events.append(f"close {m}")


def needs_later(x: int, m: str = Depends(source_later)) -> str:
    return f"{x} {m}"


async def awaits(x: int, m: str = Depends(source_later), n: str = Depends(base)) -> str:
    await one_turn()
    events.append("run")
    return f"{x} {m} {n}"


def test_an_async_provider_serves_a_plain_function() -> None:
    assert use(needs_later, 1) == "1 later"
    assert use(needs_later, 2) == "2 later"
    RESOURCES.end()
    assert events == ["open later", "close later"]


def test_and_where_a_loop_runs_already() -> None:
    async def main() -> str:
        value: str = elsewhere.task(needs_later)(1)
        RESOURCES.end()
        return value

    assert asyncio.run(main()) == "1 later"
    assert events == ["open later", "close later"]


def test_without_a_pool_an_async_function_has_it_for_its_own_loop() -> None:
    assert call(awaits, 1) == "1 later base"
    assert asyncio.run(elsewhere.task(awaits)(2)) == "2 later base"
    once = ["run", "close later"]
    assert events == ["open later", "open base", *once, "open later", *once]


def test_an_async_function_uses_what_it_is_given_until_it_has_ended() -> None:
    async def function(m: str = Depends(opened, "one")) -> str:
        PROCESS.limits = ResourceLimits(count=0)
        RESOURCES.sweep()
        await one_turn()
        events.append("run")
        return m

    assert call(function) == "one"
    assert events == ["open one", "run", "close one"]


# ---------------------------------------------------------------- failures


def test_a_provider_that_fails_is_left_alone_for_longer_and_longer(clock: Clock) -> None:
    def failing(b: Annotated[str, Depends(base)]) -> int:
        events.append("try")
        if len(events) < 5:
            raise OSError("no such model")
        return 5

    def function(m: int = Depends(failing)) -> int:
        return m

    for pause in (0.1, 0.2, 0.4):
        for _ in range(2):  # the second time nothing is tried
            with pytest.raises(OSError, match="no such model") as caught:
                use(function)
            assert caught.value.__notes__[0].endswith(f"which is left alone for {pause:g} s now")
        clock.now += pause
    assert events == ["open base", "try", "try", "try"]
    assert use(function) == use(function) == 5
    assert RESOURCES.seconds_to_sweep() is None


def test_a_provider_does_not_fail_with_what_it_depends_on(clock: Clock) -> None:
    def failing() -> int:
        events.append("try")
        raise OSError("no such model")

    def outer(m: int = Depends(failing)) -> int:
        return m

    def function(m: int = Depends(outer)) -> int:
        return m

    for count in (1, 2, 3):
        clock.now += 1
        with pytest.raises(OSError, match="no such model") as caught:
            use(function)
        assert len(events) == count
        assert len(caught.value.__notes__) == 1


def test_an_error_does_not_keep_what_the_provider_had_made() -> None:
    class Large:
        def __del__(self) -> None:
            events.append("gone")

    def failing() -> int:
        large = Large()
        raise ValueError(type(large).__name__)

    def function(m: int = Depends(failing)) -> int:
        return m

    with pytest.raises(ValueError, match="Large"):
        use(function)
    assert events == ["gone"]


def test_who_is_interrupted_has_not_failed() -> None:
    def interrupted() -> Iterator[int]:
        events.append("try")
        if len(events) < 2:
            raise KeyboardInterrupt
        yield 1

    def function(m: int = Depends(interrupted)) -> int:
        return m

    with pytest.raises(KeyboardInterrupt):
        use(function)
    assert use(function) == 1


def test_a_resource_that_needs_itself_is_told() -> None:
    space: dict[str, Any] = {}

    def load() -> int:
        return int(call(space["function"]))

    def function(m: int = Depends(load)) -> int:
        return m

    space["function"] = function
    with pytest.raises(RuntimeError, match=r"load\(\) needs itself"):
        use(function)


# ---------------------------------------------------------------- threads


def test_threads_that_need_the_same_make_it_once() -> None:
    begun, go = threading.Event(), threading.Event()

    def load() -> str:
        begun.set()
        go.wait()
        events.append("made")
        return "it"

    def function(m: str = Depends(load)) -> str:
        return m

    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(use(function))) for _ in range(4)]
    threads[0].start()
    begun.wait()
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert found == ["it"] * 4
    assert events == ["made"]


# ---------------------------------------------------------------- giving up


def test_the_least_worthy_is_given_up_first(clock: Clock) -> None:
    PROCESS.limits = ResourceLimits(count=2)
    costs = {"one": 9.0, "two": 1.0, "three": 3.0}

    def slow(name: str) -> Iterator[str]:
        clock.now += costs[name]
        yield from opened(name)

    def dear(m: str = Depends(slow, "one")) -> str:
        return m

    def cheap(m: str = Depends(slow, "two")) -> str:
        return m

    def third(m: str = Depends(slow, "three")) -> str:
        return m

    for function in (dear, cheap, cheap, cheap, third):
        use(function)
        clock.now += 1
    # dear: 9 s once, 8 s ago; cheap: 1 s three times, 4 s ago; third is in use.
    assert events == ["open one", "open two", "open three", "close two"]


def test_what_is_in_use_is_kept_until_it_is_let_go() -> None:
    PROCESS.limits = ResourceLimits(count=1)

    def outer(m: str = Depends(opened, "outer")) -> str:
        use(one)
        use(two)
        events.append("end")
        return m

    use(outer)
    assert events == [
        "open outer", "open one", "close one", "open two", "close two", "end",
    ]  # fmt: skip


def test_memory_is_bounded_as_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([0, 60, 60, 110])
    monkeypatch.setattr(resources, "resident_bytes", lambda: next(sizes))
    PROCESS.limits = ResourceLimits(memory_bytes=100)
    use(one)
    use(two)
    assert events == ["open one", "open two", "close one"]


def test_what_idles_is_given_up(clock: Clock) -> None:
    PROCESS.limits = ResourceLimits(idle_seconds=30)

    def short(m: str = Depends(opened, "short").options(idle_seconds=10)) -> str:
        return m

    use(short)
    use(one)
    assert RESOURCES.seconds_to_sweep() == 10
    clock.now += 10
    use(one)
    assert events[2:] == ["close short"]
    clock.now += 29
    RESOURCES.sweep()
    assert RESOURCES.seconds_to_sweep() == 1
    clock.now += 1
    RESOURCES.sweep()
    assert events[3:] == ["close one"]


def test_where_memory_is_short_what_has_rested_is_given_up(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = iter(range(0, 1000, 10))
    monkeypatch.setattr(resources, "resident_bytes", lambda: next(grown))
    monkeypatch.setattr(resources, "is_short", lambda: True)
    use(one)
    use(one)
    assert events == ["open one"]
    use(two)  # there must be room before it is made
    assert events == ["open one", "close one", "open two"]
    clock.now += resources.PAUSE_SECONDS
    RESOURCES.sweep()
    assert events[3:] == ["close two"]


def test_what_takes_no_memory_is_not_given_up_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "resident_bytes", lambda: 0)
    monkeypatch.setattr(resources, "is_short", lambda: True)
    use(one)
    use(two)
    assert events == ["open one", "open two"]


def define(text: str) -> Callable[..., Any]:
    space: dict[str, Any] = {"__name__": "edited"}
    exec(f"def load(): return [{text!r}]", space)

    def function(m: list[str] = Depends(space["load"])) -> list[str]:
        return m

    return function


def test_a_provider_that_was_defined_anew_replaces_what_it_made() -> None:
    first, second, again = define("first"), define("second"), define("second")
    assert use(first) == ["first"]
    assert use(second) is use(again)
    assert [kept.made.value for kept in RESOURCES._kept.values() if kept.made] == [["second"]]


def test_providers_that_one_function_has_made_do_not_replace_each_other() -> None:
    def make(name: str) -> Callable[[], Iterator[str]]:
        def load() -> Iterator[str]:
            yield from opened(name)

        return load

    def function(m: str = Depends(make("a")), n: str = Depends(make("b"))) -> str:
        return m + n

    assert use(function) == use(function) == "ab"
    assert events == ["open a", "open b"]


def test_in_a_forked_process_nothing_is_given_up() -> None:
    use(one)
    kept = Resources()
    kept._kept.update(RESOURCES._kept)
    kept.leave()
    kept.end()
    assert events == ["open one"]
    assert use(one) == "one"


def test_a_forked_process_finds_what_was_kept_and_makes_nothing_of_it() -> None:
    use(one)
    kept = Resources()
    kept._kept.update(RESOURCES._kept)
    kept.leave()
    found = kept.acquire(dependency_of(one))
    assert found.made is not None
    assert found.made.value == "one"
    assert events == ["open one"]
    found.release()


def dependency_of(function: Callable[..., Any]) -> Any:
    plan = plan_of(function)
    assert plan is not None
    (given,) = plan.given
    return given.dependency


def brief(m: Annotated[str, Depends(left)]) -> str:
    return f"brief of {m}"


def of_call(m: Annotated[str, Depends(brief).options(scope="call")]) -> str:
    return m


def test_before_a_fork_is_made_what_is_kept_and_nothing_else() -> None:
    prepared = injected(of_call)
    assert isinstance(prepared, Injected)
    held = prepared.prepare(0, {})
    assert events == ["open base", "open left of base"]
    assert prepared.prepare(1, {}) == []
    assert prepared.prepare(0, {"m": "given"}) == []
    release_all(held)
    RESOURCES.end()
    assert events[2:] == ["close left of base", "close base"]


def test_what_cannot_be_made_before_a_fork_leaves_nothing_in_use() -> None:
    def broken() -> str:
        raise LookupError

    def function(m: str = Depends(opened, "first"), n: str = Depends(broken)) -> str:
        return m + n

    prepared = injected(function)
    assert isinstance(prepared, Injected)
    with pytest.raises(LookupError):
        prepared.prepare(0, {})
    RESOURCES.end()
    assert events == ["open first", "close first"]


def test_what_is_of_no_use_any_more_is_let_go_of() -> None:
    wanted = dependency_of(two)
    assert not RESOURCES.has(wanted.name())
    found = RESOURCES.acquire(wanted)
    assert RESOURCES.has(wanted.name())
    RESOURCES.discard(found)
    assert not RESOURCES.has(wanted.name())
    assert events == ["open two", "close two"]


LOCK = threading.Lock()


def locked() -> Any:
    return LOCK


def test_what_is_needed_of_a_node_is_found_in_the_whole_graph() -> None:
    shared = Depends(base).options(scope="node")

    def above(b: Annotated[str, shared]) -> str:
        return b

    def function(m: str = Depends(above), n: str = Depends(left), o: str = shared) -> str:
        return m + n + o

    plan = plan_of(function)
    assert plan is not None
    assert plan.node_needs() == (shared,)
    name = exact_name_of(shared)
    assert name == exact_name_of(Depends(base)) == shared.name()
    assert name != exact_name_of(Depends(left))
    (kept,) = kept_for(function).resources
    assert kept == ResourceName(name_of_all((shared,)).digest, repr(shared))
    assert name_of_all((shared, shared)) == name_of_all((shared,))


def test_what_has_no_exact_name_is_not_known_to_be_kept() -> None:
    def function(m: Annotated[Any, Depends(locked).options(scope="node")]) -> Any:
        return m

    assert not kept_for(function).resources


@pytest.mark.parametrize("wanted", [Depends(locked), Depends(opened, LOCK)])
def test_what_has_no_exact_name_has_none_for_other_processes(wanted: Any) -> None:
    with pytest.raises(NoKey):
        exact_name_of(wanted)


# ---------------------------------------------------------------- memory


def test_memory_is_short_where_a_group_has_little_left(tmp_path: Any) -> None:
    assert not memory.is_short(str(tmp_path))
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("990000\n")
    (tmp_path / "memory.stat").write_text("anon 3\ninactive_file 0\n")
    assert memory.is_short(str(tmp_path))
    (tmp_path / "memory.stat").write_text("anon 3\ninactive_file 500000\n")
    assert not memory.is_short(str(tmp_path))
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.stat").write_text("anon 3\ninactive_file 0\n")
    assert not memory.is_short(str(tmp_path))


def test_the_memory_of_a_process_grows_with_what_it_makes() -> None:
    before = memory.resident_bytes()
    data = bytearray(b"x") * 2**25
    assert memory.resident_bytes() - before > 2**24
    assert len(data) == 2**25
