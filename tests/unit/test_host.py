"""The host drives the machine, its links and its engine, in whichever thread waits."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Never

import pytest

from elsewhere import cancels
from elsewhere import host as module
from elsewhere.callbacks import Callbacks
from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    Done,
    Options,
    Outcome,
    Returned,
    Said,
    Settlement,
    Verdict,
)
from elsewhere.calls.workers import Exit
from elsewhere.codec.values import dumps, loads
from elsewhere.gateway.machine import Gateway
from elsewhere.host import GatewayHost
from elsewhere.inbox import Inbox
from elsewhere.stores.memory import MemoryStore
from tests.inline_engine import InlineEngine, InlineWorker

FUNCTION = 1
SECONDS = 30.0


class Pending:
    """Somebody who waits for a call."""

    def __init__(self) -> None:
        self.settlement: Settlement | None = None
        self.callbacks = 0
        self.on_callback: Callable[[], object] = lambda: None

    def settle(self, settlement: Settlement) -> None:
        assert self.settlement is None, "a call is settled once"
        self.settlement = settlement

    def run_callbacks(self) -> None:
        self.callbacks += 1
        self.on_callback()

    def is_settled(self) -> bool:
        return self.settlement is not None

    @property
    def verdict(self) -> Verdict | None:
        return None if self.settlement is None else self.settlement.verdict

    @property
    def value(self) -> Any:
        assert self.settlement is not None
        assert self.settlement.verdict is Verdict.VALUE
        return loads(self.settlement.payload)


class Stage:
    """A host over an engine without processes."""

    def __init__(self, engine: InlineEngine) -> None:
        self.engine = engine
        self.said: list[tuple[int, str]] = []
        self.ends = 0
        self.store = MemoryStore()
        self.host = GatewayHost(
            Gateway(), engine, self.say, self.end, "host-under-test", self.get_store
        )
        self.calls = 0
        self.host.post(Define(FUNCTION, dumps(abs, "abs")))

    def get_store(self) -> MemoryStore:
        return self.store

    def say(self, stream: int, text: str) -> None:
        self.said.append((stream, text))

    def end(self) -> None:
        self.ends += 1

    def start(self) -> None:
        """Start the workers, and nothing that would serve them but this thread."""
        self.engine.open(self.host)
        self.until(lambda: len(self.engine.ready_workers) >= self.engine.wanted)

    def until(self, done: Callable[[], bool]) -> None:
        self.host.serve_until(done, SECONDS)
        assert done()

    def submit(self, x: object = -5, options: Options = Options()) -> Pending:  # noqa: B008  # a frozen value
        self.calls += 1
        pending = Pending()
        payload = dumps(((x,), {}), "call")
        self.host.submit(Call(self.calls, FUNCTION, payload, options), pending)
        return pending

    def worker(self) -> InlineWorker:
        return next(iter(self.engine.workers.values()))

    def held(self) -> int:
        return sum(len(worker.held) for worker in self.engine.workers.values())


@pytest.fixture
def make() -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(workers: int = 1, *, works: bool = True) -> Stage:
        stages.append(Stage(InlineEngine(workers, works=works)))
        return stages[-1]

    yield make
    for stage in stages:
        if not stage.ends:
            stage.host._poller.ended = True
            stage.host._poller._role.acquire()
            stage.host._end()


@pytest.fixture
def stage(make: Callable[..., Stage]) -> Stage:
    stage = make()
    stage.start()
    return stage


@pytest.fixture
def idle(make: Callable[..., Stage]) -> Stage:
    """One whose workers hold what they get."""
    stage = make(works=False)
    stage.start()
    return stage


# ------------------------------------------------------------ calls


def test_a_call_goes_to_a_worker_and_comes_back(stage: Stage) -> None:
    pending = stage.submit(-5)
    stage.until(pending.is_settled)
    assert pending.value == 5
    assert pending.callbacks == 1


def test_a_call_leaves_in_the_thread_that_submits_it(idle: Stage) -> None:
    idle.submit()
    assert not idle.host._inbox
    idle.engine.listen(idle.worker())
    assert idle.held() == 1


def test_calls_that_no_worker_can_take_wait_and_go_together(make: Callable[..., Stage]) -> None:
    stage = make()
    pendings = [stage.submit(-x) for x in range(5)]
    assert len(stage.host._inbox) == 5
    stage.start()
    stage.until(pendings[-1].is_settled)
    assert [pending.value for pending in pendings] == list(range(5))


def test_what_is_submitted_while_another_thread_steps_is_seen_by_it(idle: Stage) -> None:
    with idle.host._lock:
        idle.submit()
        assert len(idle.host._inbox) == 1
    idle.host.post(Define(2, b""))
    assert not idle.host._inbox
    idle.engine.listen(idle.worker())
    assert idle.held() == 1


def test_calls_and_other_messages_keep_their_order(make: Callable[..., Stage]) -> None:
    stage = make()
    with stage.host._lock:
        first = stage.submit()
        stage.host.post(Cancel([1]))
        second = stage.submit()
    stage.start()
    stage.until(second.is_settled)
    assert first.verdict is Verdict.CANCELLED
    assert second.value == 5


def test_large_calls_wait_for_the_link_and_arrive(stage: Stage) -> None:
    pendings = [stage.submit(-(10**3_000_000)) for _ in range(2)]
    stage.until(pendings[-1].is_settled)
    assert pendings[0].value == 10**3_000_000


def test_what_is_running_and_who_is_busy_is_known(idle: Stage) -> None:
    assert idle.host.look(Gateway.busy) == (0, 1)
    idle.submit()
    idle.submit()
    assert idle.host.look(Gateway.busy) == (1, 1)
    assert idle.host.is_running(1)
    assert not idle.host.is_running(2)
    assert not idle.host.is_running(99)


def test_what_workers_print_is_passed_on(stage: Stage) -> None:
    stage.engine.say(1, Said(1, "one\n"), Said(2, "two\n"))
    stage.until(lambda: len(stage.said) == 2)
    assert stage.said == [(1, "one\n"), (2, "two\n")]


# ------------------------------------------------------------ cancelling


def test_a_call_that_waits_is_taken_back(make: Callable[..., Stage]) -> None:
    stage = make()
    pending = stage.submit()
    stage.host.cancel(1, pending.is_settled)
    assert pending.verdict is Verdict.CANCELLED


def test_a_call_that_a_worker_has_not_begun_is_taken_back(idle: Stage) -> None:
    idle.submit()
    second = idle.submit()
    idle.host.cancel(2, second.is_settled)
    assert second.verdict is Verdict.CANCELLED
    assert idle.held() == 1


def test_a_call_that_runs_is_kept(idle: Stage) -> None:
    pending = idle.submit()
    idle.host.cancel(1, pending.is_settled)
    assert not pending.is_settled()
    assert idle.host._cancels._asked == {}


def test_a_call_that_is_settled_meanwhile_ends_the_asking(stage: Stage) -> None:
    pending = stage.submit()
    stage.host.cancel(1, pending.is_settled)
    assert pending.is_settled()


def test_cancelling_once_all_has_ended_returns(stage: Stage) -> None:
    stage.host._poller.ended = True
    stage.host.cancel(99, lambda: False)
    assert stage.host._cancels._asked == {}


def test_cancelling_waits_for_the_thread_that_serves(
    idle: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancels, "CANCEL_CHECK_SECONDS", 0.0)
    idle.submit()
    second = idle.submit()
    refusals = iter([False, False])
    serve = idle.host._poller.serve_until

    def sometimes(done: Callable[[], bool], timeout: float | None) -> bool:
        return next(refusals, True) and serve(done, timeout)

    monkeypatch.setattr(idle.host._poller, "serve_until", sometimes)
    idle.host.cancel(2, second.is_settled)
    assert second.verdict is Verdict.CANCELLED
    assert next(refusals, None) is None


def test_a_worker_that_does_not_answer_is_not_waited_for_long_and_only_once(
    idle: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, behind = idle.submit(), idle.submit()
    monkeypatch.setattr(idle.worker(), "answer", lambda message: [])
    monkeypatch.setattr(cancels, "CANCEL_SECONDS_MAX", 0.01)
    idle.host.cancel(2, behind.is_settled)  # returns
    assert not behind.is_settled()

    monkeypatch.setattr(cancels, "CANCEL_SECONDS_MAX", 1e9)
    idle.host.cancel(2, behind.is_settled)  # returns
    idle.host.cancel(1, running.is_settled)  # returns

    # The request stands: the worker wakes up and gives back what it has not begun.
    idle.engine.say(1, Returned([(2, 1)], [(1, 1)]))
    idle.until(behind.is_settled)
    assert behind.verdict is Verdict.CANCELLED
    assert not running.is_settled()
    assert not idle.host._cancels._silent


def test_all_that_does_not_run_is_taken_back_at_once(idle: Stage) -> None:
    running, held = idle.submit(), idle.submit()
    waiting = [idle.submit() for _ in range(3)]
    idle.host.cancel_all()
    idle.until(held.is_settled)
    assert [pending.verdict for pending in (held, *waiting)] == [Verdict.CANCELLED] * 4
    assert not running.is_settled()


# ------------------------------------------------------------ workers that end


def test_the_calls_of_a_worker_that_ends_run_elsewhere(idle: Stage) -> None:
    pending = idle.submit()
    idle.engine.listen(idle.worker())
    idle.engine.works = True
    idle.engine.lose(1, Exit(1))
    idle.until(pending.is_settled)
    assert pending.value == 5
    assert list(idle.engine.workers) == [2]


def test_what_a_worker_had_sent_before_it_ended_counts(idle: Stage) -> None:
    pending = idle.submit()
    worker = idle.worker()
    idle.engine.listen(worker)
    payload = dumps("x" * 600_000, "result")  # more than is read from a link at once
    idle.engine.say(1, Said(1, "last words\n"))
    idle.engine.say(1, Done([Outcome(1, 1, Verdict.VALUE, payload, 1.0, 0.1)]))
    idle.engine.lose(1, Exit(0))
    assert pending.is_settled()
    assert len(pending.value) == 600_000
    assert idle.said == [(1, "last words\n")]


def test_a_worker_whose_link_is_damaged_is_killed_and_its_calls_run_elsewhere(
    idle: Stage,
) -> None:
    pending = idle.submit()
    idle.engine.listen(idle.worker())
    idle.engine.works = True
    idle.worker().sock.sendall(bytes([1, 0, 0, 0, 0, 0, 0, 0, 0xC1]))
    idle.until(pending.is_settled)
    assert idle.engine.killed == [1]
    assert pending.value == 5


def test_a_call_that_runs_too_long_costs_its_worker(
    idle: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    pending = idle.submit(options=Options(timeout=5.0))
    idle.engine.listen(idle.worker())
    now += 6.0
    idle.host._step(-1, None)  # asks it to yield
    now += 6.0
    idle.host._step(-1, None)  # and kills it
    idle.until(pending.is_settled)
    assert idle.engine.killed == [1]
    assert pending.verdict is Verdict.TIMED_OUT


def test_time_that_passes_steps_the_machine(idle: Stage) -> None:
    pending = idle.submit(options=Options(timeout=1e-6))
    assert idle.host._poller._alarm is not None
    idle.until(lambda: any(type(m).__name__ == "Interrupt" for m in idle.worker().received))
    assert not pending.is_settled()


def test_a_message_for_a_worker_that_is_gone_is_dropped(stage: Stage) -> None:
    worker = stage.worker()
    stage.host._delivery.send(99, [])
    link = stage.host._delivery.links.pop(worker.number)
    stage.host._delivery.send(worker.number, [])
    stage.host._delivery.links[worker.number] = link
    assert worker.received[1:] == []


def test_a_worker_that_nobody_started_may_be_lost(stage: Stage) -> None:
    stage.host.worker_lost(99, Exit(1))
    pending = stage.submit()
    stage.until(pending.is_settled)
    assert pending.value == 5


def test_an_engine_may_watch_and_be_called_later(stage: Stage) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        acts: list[str] = []
        stage.host.watch(ours.fileno(), lambda: acts.append(ours.recv(9).decode()))
        stage.host.later(0.0, lambda: acts.append("later"))
        theirs.send(b"read")
        stage.until(lambda: len(acts) == 2)
        stage.host.unwatch(ours.fileno())
        theirs.send(b"again")
        stage.host.serve_until(lambda: False, 0.0)
        assert sorted(acts) == ["later", "read"]


# ------------------------------------------------------------ callbacks and Ctrl-C


@pytest.fixture
def usual_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_in_a_callback_is_raised_and_the_callback_goes_on_later(stage: Stage) -> None:
    pending = stage.submit()

    def interrupted() -> None:
        if pending.callbacks == 1:
            raise KeyboardInterrupt

    pending.on_callback = interrupted
    with pytest.raises(KeyboardInterrupt):
        stage.until(pending.is_settled)
    assert pending.is_settled()
    stage.host._callbacks.run()
    assert pending.callbacks == 2


@pytest.mark.usefixtures("usual_handler")
def test_ctrl_c_does_not_tear_a_step(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    step = stage.host._gateway.step

    def interrupted(*args: Any) -> Any:
        interrupt()
        return step(*args)

    monkeypatch.setattr(stage.host._gateway, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage.submit()
    monkeypatch.undo()
    assert list(stage.host._inbox.pending) == [1]
    stage.until(lambda: not stage.host._inbox.pending)


def test_a_callback_may_submit(stage: Stage) -> None:
    more: list[Pending] = []
    pending = stage.submit()
    pending.on_callback = lambda: more.append(stage.submit(-6))
    stage.until(lambda: bool(more) and more[0].is_settled())
    assert more[0].value == 6


def test_a_callback_may_wait_for_a_call_that_came_with_its_own(stage: Stage) -> None:
    first, second = stage.submit(-1), stage.submit(-2)
    first.on_callback = lambda: stage.until(second.is_settled)
    worker = stage.worker()
    stage.engine.works = False
    stage.engine.listen(worker)
    done = [worker.run_next(), worker.run_next()]
    worker.end.send([done[0], Said(1, "a line between\n"), done[1]])
    stage.until(lambda: first.callbacks == 1)
    assert second.value == 2


def test_who_submits_runs_no_callbacks(make: Callable[..., Stage]) -> None:
    stage = make()
    pending = stage.submit()
    mine = threading.Lock()
    pending.on_callback = lambda: mine.acquire(timeout=0)
    with mine:
        stage.host.post(Cancel([1]))
        stage.submit()
    assert pending.verdict is Verdict.CANCELLED
    assert pending.callbacks == 0
    stage.until(lambda: pending.callbacks == 1)


def test_a_note_is_taken_in_with_the_next_step(idle: Stage) -> None:
    idle.host.note(Define(2, b""))
    assert 2 not in idle.host._gateway.functions
    idle.submit()
    assert 2 in idle.host._gateway.functions


def test_a_callback_that_raises_ctrl_c_in_another_thread_ends_nothing(stage: Stage) -> None:
    pending = stage.submit()

    def once() -> None:
        if pending.callbacks == 1:
            raise KeyboardInterrupt

    pending.on_callback = once
    thread = threading.Thread(target=lambda: stage.until(pending.is_settled))
    thread.start()
    thread.join(SECONDS)
    assert pending.callbacks == 2


def test_callbacks_that_another_thread_took_first_are_its_own() -> None:
    class Raced(Callbacks):
        def popleft(self) -> Never:
            raise IndexError

    callbacks = Raced([Pending()])
    callbacks.run()
    assert len(callbacks) == 1


# ------------------------------------------------------------ the end


def opened(make: Callable[..., Stage], *, works: bool = True) -> Stage:
    stage = make(works=works)
    stage.host.open()
    return stage


def test_close_ends_it_once_every_call_is_settled(make: Callable[..., Stage]) -> None:
    stage = opened(make)
    pendings = [stage.submit(-x) for x in range(10)]
    stage.host.close()
    stage.host.join()
    assert [pending.value for pending in pendings] == list(range(10))
    assert stage.ends == 1
    assert stage.engine.ended
    assert stage.engine.closed


def test_terminate_ends_it_at_once_and_cancels_the_rest(make: Callable[..., Stage]) -> None:
    stage = opened(make, works=False)
    pendings = [stage.submit() for _ in range(5)]
    stage.host.terminate()
    stage.host.join()
    assert {pending.verdict for pending in pendings} == {Verdict.CANCELLED}
    assert {pending.callbacks for pending in pendings} == {1}


def test_what_was_submitted_and_never_stepped_is_cancelled_at_the_end(
    make: Callable[..., Stage],
) -> None:
    stage = make()
    pending = stage.submit()
    stage.host.terminate()
    stage.host._thread.start()
    stage.host.join()
    assert pending.verdict is Verdict.CANCELLED


def test_a_call_that_comes_in_just_as_all_ends_is_cancelled(make: Callable[..., Stage]) -> None:
    stage = opened(make)
    host = stage.host

    class EndsFirst(Inbox):
        def append(self, message: Any) -> None:
            host.terminate()
            host.join()
            super().append(message)

    host._inbox = EndsFirst()
    pending = stage.submit()
    assert stage.ends == 1
    assert pending.verdict is Verdict.CANCELLED
    assert pending.callbacks == 1
    assert not host._inbox.pending


def test_after_the_end_calls_are_refused_and_messages_ignored(make: Callable[..., Stage]) -> None:
    stage = opened(make)
    stage.host.close()
    stage.host.join()
    with pytest.raises(RuntimeError, match="takes no more calls"):
        stage.submit()
    stage.host.post(Cancel([1]))
    assert not stage.host._inbox
    assert not stage.host.serve_until(lambda: False, 0)


def test_workers_that_do_not_stop_in_time_are_ended(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_GRACE_SECONDS", 0.0)
    stage = make()

    def hang(worker: InlineWorker) -> None:
        del stage.engine.workers[worker.number]
        stage.host.unwatch(worker.sock.fileno())
        worker.sock.close()

    stage.engine.on_listen = hang
    stage.host.open()
    stage.host.close()
    stage.host.join()
    assert stage.ends == 1


def test_a_callback_does_not_wait_for_its_own_thread(make: Callable[..., Stage]) -> None:
    stage = make()
    pending = stage.submit()
    joined: list[bool] = []

    def close_and_join() -> None:
        stage.host.close()
        stage.host.join()
        joined.append(threading.current_thread() is stage.host._thread)

    pending.on_callback = close_and_join
    stage.host.open()
    stage.host._thread.join(SECONDS)
    assert joined == [True]
    assert pending.value == 5


def test_a_host_that_was_never_opened_has_nothing_to_wait_for(make: Callable[..., Stage]) -> None:
    stage = make()
    stage.host.join()
    assert stage.ends == 0


def test_all_ends_even_if_the_values_cannot_be_kept(
    make: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = opened(make)
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)

    def fail() -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(stage.host.holdings, "end", fail)
    stage.host.terminate()
    stage.host.join()

    assert stage.ends == 1
    assert len(raised) == 1
