"""A worker's mail: what came in and is to be run, what is to go out, and who reads the link.

Two threads share it. The *main thread* runs calls and reads the link between them; the *watcher*
does both kinds of mail while one call keeps the main thread busy. The deques need no lock: items are
taken one at a time, attempts by the main thread from the left, recalled ones from the right.

What a call prints goes out through here, so a finaliser or a signal handler may come in at any point,
even while its own thread is sending: nothing that it may call waits for a lock that its thread has.
A line that was printed does not wait for another thread either, but is left to the one that sends;
only who prints more than the client reads must wait.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident

from elsewhere.calls.blobs import Source
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
    Need,
    Outcome,
    Recall,
    Returned,
    Run,
    Said,
    Settlement,
    Share,
    Submit,
    ToWorker,
)
from elsewhere.calls.resources import Inquire
from elsewhere.calls.span import Ran, Span
from elsewhere.calls.values import Free, Unmap
from elsewhere.calls.workers import Stop
from elsewhere.link import WorkerEnd

SAID_CHARACTERS_MAX = 2**20
"""How much printed text may wait here before whoever prints more has to wait."""


class Post:
    """The two directions of a worker's link."""

    def __init__(self, link: WorkerEnd) -> None:
        self._link = link
        self._reading = threading.Lock()
        self._sending = threading.Lock()
        self._giving = threading.Lock()
        self._senders: set[int] = set()
        """the threads that send or wait for that"""
        self._said = 0
        """characters of text that wait, or a few less: threads may count at the same time"""
        self.attempts: deque[Attempt] = deque()
        """to be run, in this order"""
        self.bound: tuple[int, int] | None = None
        """the next attempt, if it is not given back because a value was handed on to it"""
        self.functions: dict[int, object] = {}
        """code as it came, or what it became when it was first called"""
        self.lasting: set[int] = set()
        """functions whose next call may last: one that was never called, or whose latest call lasted"""
        self.outgoing: deque[Outcome | Call | Span | FromWorker] = deque()
        """to be sent with the next flush"""
        self.interrupts: set[tuple[int, int]] = set()
        """attempts that the gateway wants interrupted"""
        self.stopping = False
        self.on_share: Callable[[], None] = lambda: self.post(Has(0))
        self.on_free: Callable[[Free | Unmap], None] = lambda message: None
        """whoever writes segments listens here"""
        self.on_sources: list[Callable[[Source], None]] = []
        """whoever fetches blobs listens here"""
        self.before_sending: Callable[[], None] = lambda: None
        """has something to say, perhaps, with whatever is sent"""
        self.on_inquire: Callable[[], None] = lambda: None
        """whoever knows what is kept here listens here"""
        self.on_answer: Callable[[list[Settlement]], None] = lambda settlements: None
        self.on_need: Callable[[Need], None] = lambda need: None
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

    def attend(self, timeout: float) -> None:
        """Take in mail for about this long, in the middle of a call, or leave it to the other thread.
        Raises `LinkClosed`."""
        if self._reading.acquire(timeout=timeout):
            try:
                self.take(self._link.receive(timeout))
            finally:
                self._reading.release()

    def take(self, messages: list[ToWorker]) -> None:
        for message in messages:
            match message:
                case Run():
                    self.attempts += message.attempts
                case Define():
                    self.functions[message.function] = message.code
                    self.lasting.add(message.function)
                case Recall():
                    self._give_back(message.attempts)
                case Forget():
                    for function in message.functions:
                        self.functions.pop(function, None)
                        self.lasting.discard(function)
                case Interrupt():
                    self.interrupts.add((message.call, message.fence))
                case Answer() | Need() | Share():
                    self._hear_of_children(message)
                case Free() | Unmap() | Source() | Inquire():
                    self._hear_of_stock(message)
                case Stop():
                    self.stopping = True

    def _hear_of_stock(self, message: Free | Unmap | Source | Inquire) -> None:
        match message:
            case Source():
                for listen in tuple(self.on_sources):
                    listen(message)
            case Inquire():
                self.on_inquire()
                self.flush()
            case _:
                self.on_free(message)

    def _hear_of_children(self, message: Answer | Need | Share) -> None:
        match message:
            case Answer():
                self.on_answer(message.settlements)
            case Need():
                self.on_need(message)
            case Share():
                self.on_share()

    def bind_heir(self, call: int, fence: int) -> bool:
        """Whether the next attempt needs the value of this one. Then it is not given back any more."""
        with self._giving, suppress(IndexError):
            following = self.attempts[0]
            if any((one.call, one.fence) == (call, fence) for one in following.inputs):
                self.bound = following.call, following.fence
                return True
        return False

    def _give_back(self, wanted: list[tuple[int, int]]) -> None:
        with self._giving:
            returned = self._take_back({name for name in wanted if name != self.bound})
        kept = set(wanted).difference(returned)
        self.post(Returned(returned, [name for name in wanted if name in kept]))

    def _take_back(self, asked: set[tuple[int, int]]) -> list[tuple[int, int]]:
        """Recalled attempts are mostly the last ones; a cancelled one may stand anywhere."""
        returned: list[tuple[int, int]] = []
        attempts = self.attempts
        # The main thread may take the last one at any moment, and then it is not there any more.
        with suppress(IndexError):
            while (attempts[-1].call, attempts[-1].fence) in asked:
                attempt = attempts.pop()
                returned.append((attempt.call, attempt.fence))
        if len(returned) < len(asked):
            for attempt in reversed(tuple(attempts)):
                if (attempt.call, attempt.fence) in asked:
                    with suppress(ValueError):
                        attempts.remove(attempt)
                        returned.append((attempt.call, attempt.fence))
        returned.reverse()
        return returned

    # ------------------------------------------------------------ out

    def say(self, stream: int, text: str) -> None:
        """Queue whole lines for the client's screen, behind the outcomes of earlier calls."""
        self.outgoing.append(Said(stream, text))
        self._said += len(text)

    def post(self, message: FromWorker) -> None:
        """Send a message with everything that waits before it. Raises `LinkClosed`."""
        self.outgoing.append(message)
        self.flush()

    def flush(self, wait: bool = True) -> None:
        """Send what waits; left to the sender if this thread is sending. Raises `LinkClosed`.

        Without `wait` it is left to another thread too, if that one is sending and little waits.
        """
        senders, me = self._senders, get_ident()
        if me in senders:
            return
        try:
            senders.add(me)
            while wait or self._said > SAID_CHARACTERS_MAX or not self._sending.locked():
                with self._sending:
                    if messages := self._collect():
                        self._link.send(messages)
                # Something may have been left to this thread since then.
                if not self.outgoing:
                    break
        finally:
            senders.discard(me)

    def is_sending(self) -> bool:
        """Whether the current thread is in the middle of a message, or about to begin one."""
        return get_ident() in self._senders

    def leave(self) -> None:
        """In a process that a call has forked: the mail is the worker's, and so is the link."""
        self._reading, self._sending, self._giving = (threading.Lock() for _ in range(3))
        self._senders.clear()
        self.attempts.clear()
        self.outgoing.clear()
        self._link.close()

    def _collect(self) -> list[FromWorker]:
        """Everything that waits, with outcomes and calls that follow their like, and spans, as one message."""
        messages: list[FromWorker] = []
        outcomes: list[Outcome] = []
        calls: list[Call] = []
        spans: list[Span] = []
        self._said = 0
        self.before_sending()
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
            elif isinstance(item, Span):
                if not spans:
                    messages.append(Ran(spans))
                spans.append(item)
            else:
                outcomes, calls = [], []
                messages.append(item)
        return messages
