"""A worker's mail: what came in and is to be run, what is to go out, and who reads the link.

Two threads share it. The *main thread* runs calls and reads the link between them; the *watcher*
does both kinds of mail while one call keeps the main thread busy. The deque of attempts needs no
lock: the main thread takes from its left, recalls from its right, one item at a time.
"""

import threading
from collections import deque

from elsewhere.calls.messages import (
    Attempt,
    Define,
    Done,
    Forget,
    FromWorker,
    Interrupt,
    Outcome,
    Recall,
    Returned,
    Run,
    Said,
    Stop,
    ToWorker,
)
from elsewhere.link import WorkerEnd


class Post:
    """The two directions of a worker's link."""

    def __init__(self, link: WorkerEnd) -> None:
        self._link = link
        self._reading = threading.Lock()
        self._sending = threading.Lock()
        self._outgoing: list[FromWorker] = []
        self.attempts: deque[Attempt] = deque()
        """to be run, in this order"""
        self.functions: dict[int, object] = {}
        """code as it came, or what it became when it was first called"""
        self.outcomes: list[Outcome] = []
        """to be sent with the next flush"""
        self.interrupts: set[tuple[int, int]] = set()
        """attempts that the gateway wants interrupted"""
        self.stopping = False

    # ------------------------------------------------------------ in

    def wait(self) -> None:
        """Block until there is something to do. Raises `LinkClosed`."""
        with self._reading:
            # The watcher may have taken in the very mail that this thread came to wait for.
            if not self.attempts and not self.stopping:
                self.interrupts.clear()  # whatever they were for is over
                self.take(self._link.receive())

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
        with self._sending:
            self._collect()
            self._outgoing.append(Said(stream, text))

    def post(self, message: FromWorker) -> None:
        """Send a message with everything that waits before it. Raises `LinkClosed`."""
        with self._sending:
            self._collect()
            self._outgoing.append(message)
        self.flush()

    def flush(self) -> None:
        """Send what waits. Raises `LinkClosed`."""
        with self._sending:
            self._collect()
            if self._outgoing:
                outgoing, self._outgoing = self._outgoing, []
                self._link.send(outgoing)

    def _collect(self) -> None:
        # The main thread may append meanwhile: what is taken is what is removed.
        if count := len(self.outcomes):
            self._outgoing.append(Done(self.outcomes[:count]))
            del self.outcomes[:count]
