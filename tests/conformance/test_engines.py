"""What every engine promises: it starts workers, tells of their end, replaces them, and ends them."""

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic

import psutil
import pytest

from elsewhere.calls.messages import Attempt, Define, Done, FromWorker, Kind, Run, Verdict
from elsewhere.calls.workers import Exit, Ready, Setup
from elsewhere.codec.values import dumps, loads
from elsewhere.engine import Engine
from elsewhere.engines import local as local_engine
from elsewhere.engines.local import LocalEngine
from elsewhere.link import GatewayEnd, LinkClosed
from elsewhere.node.process import NodeProcess
from tests.inline_engine import InlineEngine

DEADLINE_SECONDS = 30.0
SETTLE_SECONDS = 0.3
"""how long to look whether something happens that must not"""


@dataclass
class Doorkeeper:
    """`elsewhere.engine.Door`, and a loop that waits for what the engine waits for."""

    selector: DefaultSelector = field(default_factory=DefaultSelector)
    links: dict[int, GatewayEnd] = field(default_factory=dict)
    heard: dict[int, list[FromWorker]] = field(default_factory=dict)
    lost: dict[int, Exit] = field(default_factory=dict)
    timers: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def worker_started(self, worker: int, link: GatewayEnd, node: int = 0) -> None:
        assert worker not in self.heard, "a worker's number is used once"
        self.links[worker] = link
        self.heard[worker] = []
        self.watch(link.fileno(), lambda: self._hear(worker, link))
        if not link.flush():
            # What an engine sends first may be more than the link takes at once.
            key = self.selector.get_key(link.fileno())
            self.selector.modify(link.fileno(), EVENT_READ | EVENT_WRITE, key.data)

    def worker_lost(self, worker: int, how: Exit) -> None:
        link = self.links.pop(worker)
        if link.fileno() >= 0:
            self.unwatch(link.fileno())
        link.close()
        self.lost[worker] = how

    def watch(self, fileno: int, ready: Callable[[], None]) -> None:
        self.selector.register(fileno, EVENT_READ, ready)

    def unwatch(self, fileno: int) -> None:
        if fileno in self.selector.get_map():
            self.selector.unregister(fileno)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        heappush(self.timers, (monotonic() + seconds, next(self.numbers), act))

    def _hear(self, worker: int, link: GatewayEnd) -> None:
        key = self.selector.get_key(link.fileno())
        if key.events & EVENT_WRITE and link.flush():
            self.selector.modify(link.fileno(), EVENT_READ, key.data)
        try:
            self.heard[worker] += link.receive()
        except LinkClosed:
            self.unwatch(link.fileno())

    def until(self, done: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> bool:
        """Wait and act until `done`; False if that did not come about in time."""
        deadline = monotonic() + seconds
        while not done():
            now = monotonic()
            if now >= deadline:
                return False
            wake = min(deadline, self.timers[0][0] if self.timers else deadline)
            for key, _ in self.selector.select(max(0.0, wake - now)):
                # What was done meanwhile may have closed it, and opened another with its number.
                current = self.selector.get_map().get(key.fd)
                if current is not None and current.data is key.data:
                    key.data()
            while self.timers and self.timers[0][0] <= monotonic():
                heappop(self.timers)[2]()
        return True

    def ready(self) -> list[int]:
        """Workers that have said so, and live."""
        return [
            worker
            for worker in self.links
            if any(isinstance(message, Ready) for message in self.heard[worker])
        ]

    def pid(self, worker: int) -> int:
        return next(m.pid for m in self.heard[worker] if isinstance(m, Ready))


@pytest.fixture
def door() -> Doorkeeper:
    return Doorkeeper()


def local(initializer: bytes = b"") -> LocalEngine:
    return LocalEngine(NodeProcess(), 2, Setup(initializer=initializer))


@pytest.fixture(params=["local", "inline"])
def engine(request: pytest.FixtureRequest, door: Doorkeeper) -> Iterator[Engine]:
    opened: Engine = local() if request.param == "local" else InlineEngine(2)
    opened.open(door)
    yield opened
    opened.end()
    door.selector.close()
    for link in door.links.values():
        link.close()


def be_ready(engine: Engine, door: Doorkeeper) -> list[int]:
    assert door.until(lambda: len(door.ready()) == 2)
    for worker in door.ready():
        engine.ready(worker)
    return door.ready()


def test_as_many_workers_as_wanted_get_ready(engine: Engine, door: Doorkeeper) -> None:
    workers = be_ready(engine, door)
    assert len(workers) == len(set(workers)) == 2
    assert min(workers) >= 1
    assert door.lost == {}


def test_workers_run_calls(engine: Engine, door: Doorkeeper) -> None:
    worker, _ = be_ready(engine, door)
    payload = dumps(((-5,), {}), "call")
    door.links[worker].send(
        [Define(1, dumps(abs, "f")), Run([Attempt(1, 1, 1, payload, Kind.CALL)])]
    )
    assert door.until(lambda: isinstance(door.heard[worker][-1], Done))
    done = door.heard[worker][-1]
    assert isinstance(done, Done)
    (outcome,) = done.outcomes
    assert (outcome.call, outcome.verdict, loads(outcome.payload)) == (1, Verdict.VALUE, 5)


def test_a_worker_that_is_killed_is_told_of_and_replaced(engine: Engine, door: Doorkeeper) -> None:
    first, second = be_ready(engine, door)
    engine.kill(first)
    assert door.until(lambda: first in door.lost and len(door.ready()) == 2)
    assert door.lost[first].signal == 9
    assert first not in door.links
    assert second in door.links


def test_killing_a_worker_that_is_gone_does_nothing(engine: Engine, door: Doorkeeper) -> None:
    first, _ = be_ready(engine, door)
    engine.kill(first)
    engine.kill(first)
    assert door.until(lambda: first in door.lost and len(door.ready()) == 2)
    engine.kill(first)
    engine.kill(999)
    assert not door.until(lambda: len(door.lost) > 1, SETTLE_SECONDS)


def test_a_worker_that_loses_its_gateway_ends_and_is_replaced(
    engine: Engine, door: Doorkeeper
) -> None:
    first, _ = be_ready(engine, door)
    door.unwatch(door.links[first].fileno())
    door.links[first].close()
    assert door.until(lambda: first in door.lost and len(door.ready()) == 2)
    assert door.lost[first].code == 0


def test_after_close_nobody_is_replaced(engine: Engine, door: Doorkeeper) -> None:
    first, second = be_ready(engine, door)
    engine.close()
    engine.close()
    engine.kill(first)
    assert door.until(lambda: first in door.lost)
    assert not door.until(lambda: set(door.heard) != {first, second}, SETTLE_SECONDS)
    assert door.ready() == [second]


def test_ending_ends_everybody_at_once(engine: Engine, door: Doorkeeper) -> None:
    workers = be_ready(engine, door)
    engine.end()
    engine.end()
    for worker in workers:
        with pytest.raises(LinkClosed):  # noqa: PT012  # what was sent before comes first
            while door.links[worker].receive():
                pass


# ------------------------------------------------------------ local processes


@pytest.fixture
def processes(door: Doorkeeper) -> Iterator[LocalEngine]:
    opened = local()
    opened.open(door)
    yield opened
    opened.end()
    door.selector.close()
    for link in door.links.values():
        link.close()


def test_when_the_engine_has_ended_no_process_is_left(
    processes: LocalEngine, door: Doorkeeper
) -> None:
    workers = [psutil.Process(door.pid(worker)) for worker in be_ready(processes, door)]
    node = workers[0].parent()
    assert node is not None
    processes.end()
    _, alive = psutil.wait_procs([*workers, node], 10)
    assert alive == []


def test_how_a_process_ended_is_told(processes: LocalEngine, door: Doorkeeper) -> None:
    worker, _ = be_ready(processes, door)
    payload = dumps(((7,), {}), "call")
    door.links[worker].send(
        [Define(1, dumps(os._exit, "f")), Run([Attempt(5, 1, 1, payload, Kind.CALL)])]
    )
    assert door.until(lambda: worker in door.lost)
    how = door.lost[worker]
    assert (how.code, how.signal, how.running) == (7, None, 5)
    assert how.memory_bytes is not None
    assert how.memory_bytes > 2**20


def test_a_node_that_is_killed_is_replaced_with_its_workers(
    processes: LocalEngine, door: Doorkeeper
) -> None:
    workers = be_ready(processes, door)
    node = psutil.Process(door.pid(workers[0])).parent()
    assert node is not None
    node.kill()
    assert door.until(lambda: set(workers) == set(door.lost) and len(door.ready()) == 2)
    assert [door.lost[worker] for worker in workers] == [Exit(), Exit()]


def test_a_node_that_is_killed_after_close_is_not(processes: LocalEngine, door: Doorkeeper) -> None:
    workers = be_ready(processes, door)
    node = psutil.Process(door.pid(workers[0])).parent()
    assert node is not None
    processes.close()
    node.kill()
    assert door.until(lambda: set(workers) == set(door.lost))
    assert not door.until(lambda: len(door.heard) > 2, SETTLE_SECONDS)


def test_a_worker_is_replaced_before_its_loss_is_told(
    processes: LocalEngine, door: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door may run callbacks that wait for a worker: one must be there, also for the next loss."""
    workers = be_ready(processes, door)
    waited: list[bool] = []
    lost = door.worker_lost

    def wait(worker: int, how: Exit) -> None:
        lost(worker, how)
        waited.append(door.until(lambda: len(door.ready()) == 2 and len(door.lost) == 2))

    monkeypatch.setattr(door, "worker_lost", wait)
    for worker in workers:
        os.kill(door.pid(worker), signal.SIGKILL)
    assert door.until(lambda: len(waited) == 2)
    assert waited == [True, True]


def test_a_node_is_replaced_while_the_loss_of_its_workers_is_told(
    processes: LocalEngine, door: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = be_ready(processes, door)
    waited: list[bool] = []
    lost = door.worker_lost

    def wait(worker: int, how: Exit) -> None:
        lost(worker, how)
        waited.append(door.until(lambda: len(door.ready()) == 2 and len(door.lost) == 2))

    monkeypatch.setattr(door, "worker_lost", wait)
    node = psutil.Process(door.pid(workers[0])).parent()
    assert node is not None
    node.kill()
    assert door.until(lambda: len(waited) == 2)
    assert waited == [True, True]


def test_a_node_that_is_lost_before_a_worker_was_ready_counts_as_one_failed_start(
    processes: LocalEngine, door: Doorkeeper
) -> None:
    node = processes._node
    assert node is not None
    os.kill(node._process, signal.SIGKILL)
    assert door.until(lambda: len(door.lost) == 3)
    assert [str(door.lost[worker]) for worker in sorted(door.lost)] == [
        "was lost",
        "was lost",
        "was lost with its node",
    ]
    assert door.until(lambda: len(door.ready()) == 2)


def test_a_node_that_cannot_be_started_is_told_of_and_tried_again(
    processes: LocalEngine, door: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = be_ready(processes, door)
    node = psutil.Process(door.pid(workers[0])).parent()
    assert node is not None
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere/python")
        node.kill()
        assert door.until(lambda: len(door.lost) == 5)
    assert [str(door.lost[worker]) for worker in workers] == ["was lost"] * 2
    for worker in sorted(door.lost)[2:]:
        assert str(door.lost[worker]).startswith("could not be started (")
        assert "/nowhere/python" in str(door.lost[worker])
    assert door.until(lambda: len(door.ready()) == 2)


def test_a_worker_for_which_there_is_no_descriptor_is_tried_again(
    processes: LocalEngine, door: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = be_ready(processes, door)
    refused: list[int] = []

    def refuse() -> tuple[socket.socket, socket.socket]:
        refused.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(local_engine, "socket_pair", refuse)
        processes.kill(first)
        assert door.until(lambda: len(refused) == 3)
        assert door.ready() == [second]
    assert door.until(lambda: len(door.ready()) == 2)


def test_a_worker_that_its_node_cannot_fork_is_told_of(door: Doorkeeper) -> None:
    node = NodeProcess()
    psutil.Process(node._process).rlimit(psutil.RLIMIT_NOFILE, (8, 8))
    engine = LocalEngine(node, 2, Setup())
    try:
        engine.open(door)
        assert door.until(lambda: door.lost)
    finally:
        engine.end()
        for link in door.links.values():
            link.close()
    assert "could not be forked" in str(next(iter(door.lost.values())))


def test_a_large_initializer_arrives(door: Doorkeeper) -> None:
    engine = local(dumps((len, (bytes(2**23),)), "initializer"))
    try:
        engine.open(door)
        assert door.until(lambda: len(door.ready()) == 2)
    finally:
        engine.end()
        for link in door.links.values():
            link.close()


def test_workers_that_never_get_ready_are_tried_again_ever_more_slowly(
    door: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def soon(seconds: float, act: Callable[[], None]) -> None:
        if seconds:  # what is left for the next moment is no pause
            pauses.append(seconds)
        heappush(door.timers, (0.0, next(door.numbers), act))

    monkeypatch.setattr(door, "later", soon)
    engine = local(dumps((os._exit, (3,)), "initializer"))
    try:
        engine.open(door)
        assert door.until(lambda: len(door.lost) >= 8)
    finally:
        engine.end()
        for link in door.links.values():
            link.close()
    assert pauses[:6] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    assert {how.code for how in door.lost.values()} == {3}
