"""A worker runs what it is sent, describes how it came out, and can be interrupted."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from elsewhere.calls.messages import (
    Attempt,
    Define,
    Done,
    Forget,
    Interrupt,
    Kind,
    Outcome,
    Run,
    Said,
    Verdict,
)
from elsewhere.calls.workers import Ready, Setup, Stop, Unready
from elsewhere.codec.failures import decode_failure
from elsewhere.codec.references import let_futures_travel
from elsewhere.codec.values import dumps, dumps_parts, loads
from elsewhere.errors import CallInterrupted, NotPicklable, RemoteError
from elsewhere.in_force import serve_worker
from elsewhere.link import LinkClosed
from elsewhere.links.memory import MemoryLink
from elsewhere.worker import runner, values
from elsewhere.worker.control import Control, Root
from elsewhere.worker.editions import WorkerEditions
from elsewhere.worker.main import run_worker
from elsewhere.worker.output import LineWriter
from elsewhere.worker.post import Post
from elsewhere.worker.runner import Runner
from elsewhere.worker.watcher import Watcher


class Worker:
    """A worker without a process: its link, its post and its runner."""

    def __init__(self) -> None:
        self.link = MemoryLink()
        self.post = Post(self.link.worker)
        self.screen = LineWriter(1, lambda text: self.post.say(1, text), self.post.flush)
        self.cells = memoryview(bytearray(8)).cast("Q")
        self.runner = Runner(self.post, self.cells, [self.screen], WorkerEditions(bytes.hex))
        self.calls = 0

    def send(
        self,
        function: Callable[..., Any],
        payload: Any,
        kind: Kind = Kind.CALL,
        *,
        remembered: bool = False,
    ) -> Attempt:
        self.calls += 1
        number = self.calls
        attempt = Attempt(number, 1, number, dumps(payload, "payload"), kind, remembered=remembered)
        self.post.take([Define(number, dumps(function, "function")), Run([attempt])])
        return attempt

    def outcomes(self) -> list[Outcome]:
        """Run all, and what became of it."""
        self.runner.run_ready()
        self.post.flush()
        found: list[Outcome] = []
        while messages := self.link.gateway.receive():
            for message in messages:
                if isinstance(message, Done):
                    found += message.outcomes
        return found

    def run(
        self,
        function: Callable[..., Any],
        payload: Any,
        kind: Kind = Kind.CALL,
        *,
        remembered: bool = False,
    ) -> Outcome:
        self.send(function, payload, kind, remembered=remembered)
        (outcome,) = self.outcomes()
        return outcome


@pytest.fixture
def worker() -> Worker:
    return Worker()


def failure(outcome: Outcome) -> BaseException:
    assert outcome.verdict is Verdict.ERROR
    return decode_failure(outcome.payload)


def chunk_failure(outcome: Outcome) -> tuple[list[Any], BaseException]:
    assert outcome.verdict is Verdict.ERROR
    values, payload = loads(outcome.payload)
    return loads(values), decode_failure(payload)


def refuse() -> None:
    raise ValueError("cannot be loaded")


class Refuses:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return refuse, ()


def fail(x: int) -> int:
    if x == 2:
        raise KeyError(x)
    return x


def stop(x: int) -> int:
    if x == 2:
        raise StopIteration
    return x


def lock(x: int) -> object:
    return threading.Lock() if x == 2 else x


def lock_then_fail(x: int) -> object:
    return lock(x) if x < 3 else fail(2)


# ------------------------------------------------------------ calls


def test_a_call_gives_its_value(worker: Worker) -> None:
    outcome = worker.run(divmod, ((7, 2), {}))
    assert (outcome.call, outcome.fence, outcome.verdict) == (1, 1, Verdict.VALUE)
    assert loads(outcome.payload) == (3, 1)
    assert outcome.elapsed >= 0
    assert outcome.started > 0


def test_calls_run_in_order_and_a_function_is_loaded_once(worker: Worker) -> None:
    first = worker.send(len, (("abc",), {}))
    worker.post.take([Run([Attempt(9, 1, first.function, dumps((("a",), {}), "x"), Kind.CALL)])])
    assert [(o.call, loads(o.payload)) for o in worker.outcomes()] == [(1, 3), (9, 1)]
    assert worker.post.functions == {1: len}


def test_a_call_that_raises_sends_its_exception(worker: Worker) -> None:
    error = failure(worker.run(fail, ((2,), {})))
    assert isinstance(error, KeyError)
    assert "in fail" in str(error.__cause__)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_nothing_that_a_call_raises_ends_the_worker(worker: Worker, error: BaseException) -> None:
    def leave() -> None:
        raise error

    assert isinstance(failure(worker.run(leave, ((), {}))), type(error))
    assert worker.run(abs, ((-1,), {})).verdict is Verdict.VALUE


def test_a_result_that_cannot_travel_fails_its_call_alone(worker: Worker) -> None:
    worker.send(lock, ((2,), {}))
    worker.send(lock, ((1,), {}))
    refused, well = worker.outcomes()
    assert isinstance(failure(refused), NotPicklable)
    assert loads(well.payload) == 1


def test_a_result_that_no_message_can_carry_fails(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "PAYLOAD_BYTES_MAX", 1000)
    worker.runner.values.travels_max = 500
    assert isinstance(failure(worker.run(bytes, ((2000,), {}), remembered=True)), NotPicklable)


def test_arguments_and_functions_that_cannot_be_loaded_fail(worker: Worker) -> None:
    assert failure(worker.run(print, ((Refuses(),), {}))).args == ("cannot be loaded",)
    attempt = Attempt(8, 1, 8, dumps(((), {}), "x"), Kind.CALL)
    worker.post.take([Define(8, dumps(Refuses(), "function")), Run([attempt])])
    (outcome,) = worker.outcomes()
    assert failure(outcome).args == ("cannot be loaded",)


def test_a_function_that_was_forgotten_too_early_fails_its_call_alone(worker: Worker) -> None:
    worker.post.take([Run([Attempt(8, 1, 8, b"", Kind.CALL)])])
    (outcome,) = worker.outcomes()
    assert isinstance(failure(outcome), KeyError)


def test_the_node_can_see_which_call_is_in_control(worker: Worker) -> None:
    seen: list[int] = []
    attempt = worker.send(seen.append, ((1,), {}))
    worker.post.functions[attempt.function] = lambda _: seen.append(worker.cells[0])
    worker.outcomes()
    assert seen == [1]
    assert worker.cells[0] == 1  # its outcome may yet be lost, because of what it has done
    worker.runner.rest()
    assert worker.cells[0] == 0


def test_a_call_that_parks_does_not_hide_what_is_not_sent() -> None:
    cells = memoryview(bytearray(8)).cast("Q")
    control = Control(cells, lambda message: None, WorkerEditions(bytes.hex))
    ended, parked = (Root(Attempt(number, 1, 8, b"", Kind.CALL)) for number in (1, 2))

    control.give(ended)
    control.end()
    control.give(parked)
    assert cells[0] == 2
    control.lose()
    assert cells[0] == 1
    control.rest()
    assert cells[0] == 0


def test_it_is_idle_between_calls_and_counts_them(worker: Worker) -> None:
    seen: list[Any] = []
    attempt = worker.send(seen.append, ((1,), {}))
    worker.post.functions[attempt.function] = lambda _: seen.append(
        (worker.runner.idle, worker.runner.own_root(), worker.runner.begun)
    )
    assert worker.runner.idle
    worker.outcomes()
    assert worker.runner.idle
    ((idle, root, begun),) = seen
    assert (idle, root.attempt, begun) == (False, attempt, 1)
    assert worker.runner.current is None


def test_an_interrupt_of_what_has_ended_is_forgotten(worker: Worker) -> None:
    worker.post.interrupts.add((9, 1))
    worker.outcomes()
    assert worker.post.interrupts == set()


def test_an_unfinished_line_is_ended_with_its_call(worker: Worker) -> None:
    def speak(text: str) -> None:
        worker.screen.write(text)

    attempt = worker.send(len, (("unfinished",), {}))
    worker.post.functions[attempt.function] = speak
    worker.runner.run_ready()
    worker.post.flush()
    said, done = [message for _ in range(2) for message in worker.link.gateway.receive()]
    assert said == Said(1, "unfinished\n")
    assert isinstance(done, Done)


def test_outcomes_wait_for_each_other_only_so_long(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(runner, "monotonic", lambda: now)
    worker.send(len, (("a",), {}))
    worker.post.lasting.clear()  # as of a function that is known to be short
    worker.runner.run_ready()
    assert len(worker.link.to_gateway) == 1  # the first is always overdue
    worker.send(len, (("b",), {}))
    worker.post.lasting.clear()  # as of a function that is known to be short
    worker.runner.run_ready()
    assert len(worker.link.to_gateway) == 1
    now += 2 * runner.FLUSH_SECONDS
    worker.link.gateway.send([Stop()])
    worker.send(len, (("c",), {}))
    worker.post.lasting.clear()  # as of a function that is known to be short
    worker.runner.run_ready()
    assert len(worker.link.to_gateway) == 2
    assert worker.post.stopping  # and it has looked for mail


# ------------------------------------------------------------ chunks


def test_a_chunk_gives_a_list(worker: Worker) -> None:
    assert loads(worker.run(abs, [-1, -2], Kind.MAP).payload) == [1, 2]
    assert loads(worker.run(pow, [(2, 3), (3, 2)], Kind.STARMAP).payload) == [8, 9]


def test_a_chunk_that_fails_keeps_what_came_before(worker: Worker) -> None:
    values, error = chunk_failure(worker.run(fail, [0, 1, 2, 3], Kind.MAP))
    assert values == [0, 1]
    assert isinstance(error, KeyError)


def test_stop_iteration_does_not_end_a_chunk_in_silence(worker: Worker) -> None:
    for items in ([0, 1, 2, 3], [0, 1, 2]):
        values, error = chunk_failure(worker.run(stop, items, Kind.MAP))
        assert values == [0, 1]
        assert isinstance(error, RuntimeError)
        assert "StopIteration for item 2" in str(error)


def test_a_result_in_a_chunk_that_cannot_travel_keeps_what_came_before(worker: Worker) -> None:
    for function in (lock, lock_then_fail):
        values, error = chunk_failure(worker.run(function, [0, 1, 2, 3], Kind.MAP))
        assert values == [0, 1]
        assert isinstance(error, NotPicklable)


def test_results_that_can_be_sent_alone_and_not_together_fail(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(value: Any, name: str, pickled_bytes_max: int) -> list[memoryview]:
        if value == [1, 2]:
            raise NotPicklable(name, "too deep", "Be flat")
        return dumps_parts(value, name, pickled_bytes_max)

    monkeypatch.setattr(values, "dumps_parts", picky)
    results, error = chunk_failure(worker.run(abs, [1, 2], Kind.MAP))
    assert results == []
    assert str(error) == "cannot send result: too deep. Be flat"


def test_an_item_of_a_chunk_that_cannot_be_loaded_keeps_what_came_before(worker: Worker) -> None:
    values, error = chunk_failure(worker.run(abs, [-1, -2, Refuses(), 4], Kind.MAP))
    assert values == [1, 2]
    assert error.args == ("cannot be loaded",)


def test_a_function_that_fails_before_an_item_that_cannot_be_loaded_comes_first(
    worker: Worker,
) -> None:
    values, error = chunk_failure(worker.run(fail, [0, 1, 2, Refuses()], Kind.MAP))
    assert values == [0, 1]
    assert isinstance(error, KeyError)


# ------------------------------------------------------------ interrupts


@pytest.fixture
def installed(worker: Worker) -> Iterator[Worker]:
    before = signal.getsignal(signal.SIGINT)
    worker.runner.interrupts.install()
    yield worker
    signal.signal(signal.SIGINT, before)


def interrupted(worker: Worker, body: Callable[[], Any], kind: Kind = Kind.CALL) -> Outcome:
    """The outcome of a call that is interrupted as soon as it runs, and then does `body`."""

    def function(*_: object) -> Any:
        worker.post.take([Interrupt(attempt.call, attempt.fence)])
        return body()

    attempt = worker.send(len, ((), {}) if kind is Kind.CALL else [1], kind)
    worker.post.functions[attempt.function] = function
    (outcome,) = worker.outcomes()
    return outcome


def wake() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.MAP])
def test_a_call_that_yields_is_interrupted(installed: Worker, kind: Kind) -> None:
    assert interrupted(installed, wake, kind).verdict is Verdict.INTERRUPTED
    assert installed.post.interrupts == set()


def test_a_call_may_finish_in_spite_of_it(installed: Worker) -> None:
    def stubborn() -> str:
        try:
            wake()
        except CallInterrupted:
            return "done"
        return "never interrupted"

    outcome = interrupted(installed, stubborn)
    assert outcome.verdict is Verdict.VALUE
    assert loads(outcome.payload) == "done"


def test_a_call_may_fail_in_its_own_way(installed: Worker) -> None:
    def clumsy() -> None:
        try:
            wake()
        except CallInterrupted:
            raise ValueError("mine") from None

    assert isinstance(failure(interrupted(installed, clumsy)), ValueError)


def test_one_signal_interrupts_once(installed: Worker) -> None:
    def twice() -> str:
        with pytest.raises(CallInterrupted):
            wake()
        wake()
        return "done"

    assert interrupted(installed, twice).verdict is Verdict.VALUE


def test_an_interrupt_of_another_attempt_does_nothing(installed: Worker) -> None:
    installed.post.interrupts.add((1, 99))
    assert installed.run(signal.raise_signal, ((signal.SIGINT,), {})).verdict is Verdict.VALUE


def test_a_signal_between_calls_does_nothing(installed: Worker) -> None:
    installed.post.interrupts.add((1, 1))
    wake()
    assert installed.post.interrupts == {(1, 1)}


def test_half_a_message_is_never_left_behind(
    installed: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A call flushes what it printed; the signal comes in the middle of that message.
    sent: list[object] = []
    send = installed.link.worker.send

    def send_slowly(messages: Any) -> None:
        wake()
        sent.append(messages)
        send(messages)

    def speak() -> None:
        installed.screen.write("some words\n")
        installed.screen.flush()
        wake()  # the watcher asks again

    monkeypatch.setattr(installed.link.worker, "send", send_slowly)
    assert interrupted(installed, speak).verdict is Verdict.INTERRUPTED
    assert sent[0] == [Said(1, "some words\n")]


def test_an_interrupt_that_was_not_needed_is_forgotten(worker: Worker) -> None:
    assert interrupted(worker, lambda: None).verdict is Verdict.VALUE
    assert worker.post.interrupts == set()


def test_raising_it_by_hand_is_an_error_like_any_other(worker: Worker) -> None:
    def cheat() -> None:
        raise CallInterrupted

    assert isinstance(failure(worker.run(cheat, ((), {}))), CallInterrupted | RemoteError)


# ------------------------------------------------------------ calls that last


def test_outcomes_that_wait_are_sent_before_a_call_that_may_last(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(runner, "monotonic", lambda: next(now) * 0.0001)
    sent: list[int] = []

    def look() -> None:
        told = [message for batch in worker.link.to_gateway for message in batch]
        sent.append(sum(len(m.outcomes) for m in told if isinstance(m, Done)))

    def last() -> None:
        look()
        for _ in range(100):
            next(now)

    post = worker.post
    post.take([Define(number, b"") for number in (1, 2, 3)])
    post.functions |= {1: lambda: None, 2: look, 3: last}
    payload = dumps(((), {}), "payload")
    order = [1, 1, 2, 1, 2, 1, 3, 1, 3]
    post.take([Run([Attempt(call, 1, f, payload, Kind.CALL) for call, f in enumerate(order, 1)])])
    worker.runner.run_ready()

    # Before the first call of 2, not before the next, which is known to be short; always before 3.
    assert sent == [2, 2, 6, 8]
    assert post.lasting == {3}
    post.take([Forget([3])])
    assert post.lasting == set()


def test_a_copy_of_the_worker_leaves_its_box_and_its_interrupts(installed: Worker) -> None:
    installed.cells[0] = 5
    installed.runner.leave()
    assert installed.run(abs, ((-1,), {})).verdict is Verdict.VALUE
    assert installed.cells[0] == 5
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("error", "code"), [(LinkClosed("gone"), 0), (MemoryError("none"), 1)])
def test_a_worker_does_not_outlive_its_watcher(
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
) -> None:
    class Ended(BaseException):
        pass

    def end(how: int) -> None:
        raise Ended(how)

    def fail_to_flush() -> None:
        raise error

    monkeypatch.setattr("elsewhere.worker.watcher.sleep", lambda seconds: None)
    monkeypatch.setattr("os._exit", end)
    monkeypatch.setattr(worker.post, "flush", fail_to_flush)
    worker.runner.idle = False
    with pytest.raises(Ended) as ended:
        Watcher(worker.post, worker.runner, lambda: None)._live()
    assert ended.value.args == (code,)
    assert ("its watcher failed: MemoryError('none')" in capfd.readouterr().err) == bool(code)


# ------------------------------------------------------------ a worker's life


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker's life changes its process: put everything back."""
    before = sys.stdout, sys.stderr, signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("elsewhere.worker.watcher.Watcher.start", lambda self: None)
    monkeypatch.setattr("os.register_at_fork", lambda **_: None)
    monkeypatch.setattr("atexit._run_exitfuncs", lambda: print("good", end=""))
    yield
    sys.stdout, sys.stderr = before[:2]
    signal.signal(signal.SIGINT, before[2])
    serve_worker(None)
    let_futures_travel(False)


def live(*batches: list[Any]) -> list[Any]:
    """What a worker says that is sent these batches."""
    link = MemoryLink()
    for batch in batches:
        link.gateway.send(batch)
    try:
        run_worker(link.worker, memoryview(bytearray(8)).cast("Q"))
    finally:
        said: list[Any] = []
        while messages := link.gateway.receive():
            said += messages
    return said


def hello(name: str) -> str:
    print("hello", name)
    return name


RUN = Run([Attempt(1, 1, 1, dumps((("you",), {}), "call"), Kind.CALL)])


@pytest.mark.usefixtures("quiet")
def test_it_says_that_it_is_ready_runs_and_stops() -> None:
    ready, greeting, done, rest = live(
        [Setup(1, b"")], [Define(1, dumps(hello, "f")), RUN], [Stop()]
    )
    assert ready == Ready(os.getpid())
    assert greeting == Said(1, "hello you\n")
    assert loads(done.outcomes[0].payload) == "you"
    assert rest == Said(1, "good\n")


@pytest.mark.usefixtures("quiet")
def test_what_came_with_the_setup_is_not_lost() -> None:
    messages = live([Setup(1, b""), Define(1, dumps(hello, "f")), RUN, Stop()])
    assert [type(message) for message in messages] == [Ready, Said, Done, Said]


@pytest.mark.usefixtures("quiet")
def test_what_was_sent_before_the_stop_is_run() -> None:
    messages = live([Setup(1, b"")], [Stop(), Define(1, dumps(hello, "f")), RUN])
    assert [type(message) for message in messages] == [Ready, Said, Done, Said]


@pytest.mark.usefixtures("quiet")
def test_an_initializer_runs_first() -> None:
    initializer = dumps((print, ("set up",)), "initializer")
    assert live([Setup(1, initializer)], [Stop()])[:2] == [
        Said(1, "set up\n"),
        Ready(os.getpid()),
    ]


@pytest.mark.usefixtures("quiet")
def test_an_initializer_that_raises_is_reported_and_the_worker_ends() -> None:
    (message,) = live([Setup(1, dumps((fail, (2,)), "initializer"))], [Stop()])
    assert isinstance(message, Unready)
    assert isinstance(decode_failure(message.failure), KeyError)


@pytest.mark.usefixtures("quiet")
def test_a_gateway_that_is_gone_ends_it() -> None:
    with pytest.raises(LinkClosed):
        live([Setup(1, b"")])


def test_the_first_message_must_be_the_setup() -> None:
    with pytest.raises(TypeError, match="must be Setup"):
        live([Stop()])
