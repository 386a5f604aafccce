"""An engine without processes: its workers answer in the thread that serves the host's sockets."""

import socket
from collections.abc import Callable
from itertools import count

from elsewhere.calls.messages import (
    Attempt,
    Define,
    Done,
    Forget,
    FromWorker,
    Kind,
    Outcome,
    Recall,
    Returned,
    Run,
    ToWorker,
    Verdict,
)
from elsewhere.calls.workers import Exit, Imported, Ready, Setup, Stop
from elsewhere.codec.failures import encode_failure
from elsewhere.codec.values import dumps, loads
from elsewhere.engine import Door
from elsewhere.link import LinkClosed
from elsewhere.links.pipe import PipeGatewayEnd, PipeWorkerEnd, socket_pair


class InlineWorker:
    """The other end of a link, by hand: `answer` says what comes back for a message."""

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        self.end = PipeWorkerEnd(sock)
        self.functions: dict[int, bytes] = {}
        self.held: list[Attempt] = []
        self.received: list[ToWorker] = []

    def answer(self, message: ToWorker) -> list[FromWorker]:
        self.received.append(message)
        match message:
            case Setup():
                return [Ready(self.number)]
            case Define():
                self.functions[message.function] = message.code
            case Forget():
                for function in message.functions:
                    del self.functions[function]
            case Run():
                self.held += message.attempts
            case Recall():
                return [self._give_back(message.attempts)]
        return []

    def _give_back(self, wanted: list[tuple[int, int]]) -> Returned:
        held = {(attempt.call, attempt.fence): attempt for attempt in self.held[1:]}
        returned = [name for name in wanted if name in held]
        for name in returned:
            self.held.remove(held[name])
        return Returned(returned, [name for name in wanted if name not in held])

    def run_next(self) -> Done:
        attempt = self.held.pop(0)
        assert attempt.kind is Kind.CALL
        verdict = Verdict.VALUE
        try:
            args, kwargs = loads(attempt.payload)
            function = loads(self.functions[attempt.function])
            payload = dumps(function(*args, **kwargs), "result")
        except Exception as error:  # noqa: BLE001  # as a worker does
            verdict, payload = Verdict.ERROR, encode_failure(error)
        return Done([Outcome(attempt.call, attempt.fence, verdict, payload, 1.0, 0.001)])


class InlineEngine:
    """`elsewhere.engine.Engine`. With `works` its workers run what they get; without, they hold it."""

    def __init__(self, workers: int = 1, *, works: bool = True) -> None:
        self.wanted = workers
        self.works = works
        self.workers: dict[int, InlineWorker] = {}
        self.ready_workers: list[int] = []
        self.killed: list[int] = []
        self.preloaded: list[str] = []
        self.closed = False
        self.ended = False
        self.on_listen: Callable[[InlineWorker], None] = lambda worker: None
        self._numbers = count(1)

    def open(self, door: Door) -> None:
        self.door = door
        for _ in range(self.wanted):
            self.start()

    def start(self) -> None:
        number = next(self._numbers)
        ours, theirs = socket_pair()
        theirs.setblocking(True)
        link = PipeGatewayEnd(ours)
        link.send([Setup(number, b"")])
        worker = self.workers[number] = InlineWorker(number, theirs)
        self.door.watch(theirs.fileno(), lambda: self.listen(worker))
        self.door.worker_started(number, link)

    def listen(self, worker: InlineWorker) -> None:
        """Take in what has come for a worker, and answer."""
        self.on_listen(worker)
        if worker.number not in self.workers:
            return
        try:
            messages = worker.end.receive(0)
        except LinkClosed:
            self.lose(worker.number, Exit(0))
            return
        back = [answer for message in messages for answer in worker.answer(message)]
        while self.works and worker.held:
            back.append(worker.run_next())
        if back:
            worker.end.send(back)
        if Stop() in messages and not worker.held:
            self.lose(worker.number, Exit(0))

    def say(self, number: int, *messages: FromWorker) -> None:
        """A worker says something by itself."""
        self.workers[number].end.send(messages)

    def lose(self, number: int, how: Exit) -> None:
        """A worker ends, and is replaced."""
        worker = self.workers.pop(number)
        self.door.unwatch(worker.sock.fileno())
        worker.sock.close()
        self.door.worker_lost(number, how)
        if not self.closed:
            self.start()

    def kill(self, worker: int) -> None:
        self.killed.append(worker)
        if worker in self.workers:
            self.door.later(0.0, lambda: self._lose_killed(worker))

    def _lose_killed(self, worker: int) -> None:
        if worker in self.workers:
            self.lose(worker, Exit(None, 9))

    def ready(self, worker: int) -> None:
        self.ready_workers.append(worker)

    def preload(self, what: Imported) -> None:
        self.preloaded += what.modules

    def close(self) -> None:
        self.closed = True

    def end(self) -> None:
        self.closed = self.ended = True
        for worker in self.workers.values():
            worker.sock.close()
        self.workers.clear()
