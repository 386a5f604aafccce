"""A worker's mail: what came in and is to be run, what is to go out, and who reads the link.

Two threads share it. The *main thread* runs calls and reads the link between them; the *watcher*
does both kinds of mail while one call keeps the main thread busy. The deques need no lock: items are
taken one at a time, attempts by the main thread from the left, recalled ones from the right.

What a call prints goes out through here, so a finaliser or a signal handler may come in at any point,
even while its own thread is sending: nothing that it may call waits for a lock that its thread has.
"""

import threading
from collections import deque
from collections.abc import Callable
from threading import get_ident

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Call,
    Define,
    Done,
    Forget,
    FromWorker,
    Has,
    Interrupt,
    Outcome,
    Recall,
    Returned,
    Run,
    Said,
    Settlement,
    Share,
    Stop,
    Submit,
    ToWorker,
)
from elsewhere.link import WorkerEnd


class Post:
    """The two directions of a worker's link."""

    def __init__(self, link: WorkerEnd) -> None:
        self._link = link
        self._reading = threading.Lock()
        self._sending = threading.Lock()
        self._sender = 0
        """the thread that is sending"""
        self.attempts: deque[Attempt] = deque()
        """to be run, in this order"""
        self.functions: dict[int, object] = {}
        """code as it came, or what it became when it was first called"""
        self.outgoing: deque[Outcome | Call | FromWorker] = deque()
        """to be sent with the next flush"""
        self.interrupts: set[tuple[int, int]] = set()
        """attempts that the gateway wants interrupted"""
        self.stopping = False
        self.on_share: Callable[[], None] = lambda: self.post(Has(0))
        self.on_answer: Callable[[Settlement], None] = lambda settlement: None
        """whoever makes calls inside calls listens here"""

    # ------------------------------------------------------------ in

    def wait(self, is_due: Callable[[], bool], timeout: float | None = None) -> None:
        """Block for mail, up to `timeout` seconds, unless something `is_due`. Raises `LinkClosed`."""
        with self._reading:
            # The watcher may have taken in the very mail that this thread came to wait for.
            if not self.attempts and not is_due():
                self.take(self._link.receive(timeout))

    def watch(self, fileno: int) -> None:
        """Let `wait` end when this can be read, too."""
        self._link.watch(fileno)

    def look(self) -> None:
        """Take in the mail that is there, unless the other thread is at it. Raises `LinkClosed`."""
        if self._reading.acquire(blocking=False):
            try:
                while messages := self._link.receive(0):
                    self.take(messages)
            finally:
                self._reading.release()

    def take(self, messages: list[ToWorker]) -> None:
        for message in messages:
            match message:
                case Run():
                    self.attempts += message.attempts
                case Define():
                    self.functions[message.function] = message.code
                case Recall():
                    self._give_back(message.attempts)
                case Forget():
                    for function in message.functions:
                        self.functions.pop(function, None)
                case Interrupt():
                    self.interrupts.add((message.call, message.fence))
                case Answer():
                    for settlement in message.settlements:
                        self.on_answer(settlement)
                case Share():
                    self.on_share()
                case Stop():
                    self.stopping = True

    def _give_back(self, wanted: list[tuple[int, int]]) -> None:
        """Recalled attempts are mostly the last ones; a cancelled one may stand anywhere."""
        asked = set(wanted)
        returned: list[tuple[int, int]] = []
        attempts = self.attempts
        for attempt in reversed(tuple(attempts)):
            name = (attempt.call, attempt.fence)
            if name not in asked:
                continue
            try:
                attempts.remove(attempt)
            except ValueError:
                continue  # the main thread has just begun it
            returned.append(name)
        returned.reverse()
        kept = [name for name in wanted if name not in set(returned)]
        self.post(Returned(returned, kept))

    # ------------------------------------------------------------ out

    def say(self, stream: int, text: str) -> None:
        """Queue whole lines for the client's screen, behind the outcomes of earlier calls."""
        self.outgoing.append(Said(stream, text))

    def post(self, message: FromWorker) -> None:
        """Send a message with everything that waits before it. Raises `LinkClosed`."""
        self.outgoing.append(message)
        self.flush()

    def flush(self) -> None:
        """Send what waits; left to the sender if this thread is sending. Raises `LinkClosed`."""
        if self.is_sending():
            return
        with self._sending:
            self._sender = get_ident()
            try:
                if messages := self._collect():
                    self._link.send(messages)
            finally:
                self._sender = 0

    def is_sending(self) -> bool:
        """Whether the current thread is in the middle of a message."""
        return self._sender == get_ident()

    def _collect(self) -> list[FromWorker]:
        """Everything that waits, with outcomes and calls that follow their like as one message."""
        messages: list[FromWorker] = []
        outcomes: list[Outcome] = []
        calls: list[Call] = []
        while self.outgoing:
            item = self.outgoing.popleft()
            if isinstance(item, Outcome):
                calls = []
                if not outcomes:
                    messages.append(Done(outcomes))
                outcomes.append(item)
            elif isinstance(item, Call):
                outcomes = []
                if not calls:
                    messages.append(Submit(calls))
                calls.append(item)
            else:
                outcomes, calls = [], []
                messages.append(item)
        return messages
