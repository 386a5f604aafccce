"""The host of an embedded gateway: it drives the machine for the threads of one client process.

    who submits:  encode → inbox → step → socket            (no hop: in the user's thread)
    who waits:    socket → step → socket → settle futures   (no hop: in the user's thread)
    I/O thread:   the same as who waits, while nobody waits

The machine is driven behind one lock. Whoever submits puts its message into the inbox and takes the
lock only if it is free; whoever holds it looks into the inbox again after releasing it, so that no
message stays unseen. Nothing blocks while the lock is held: links take what the socket takes and
keep the rest. While no worker has room, a submitted call is left in the inbox, because the step that
makes room looks there first.

Futures are settled after the lock is released, because their callbacks are the user's code.

One thread at a time has the *role* of reading the sockets. A thread that waits for a result takes the
role over and keeps it until its result is there; the I/O thread stands by meanwhile, and takes the
role back when no thread has waited for `STANDBY_SECONDS`.
"""

import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from time import monotonic, sleep
from typing import Protocol

from elsewhere.calls.messages import (
    Call,
    Cancel,
    Exit,
    FromGateway,
    FromWorker,
    Kept,
    Kill,
    Lost,
    Ready,
    Said,
    Settlement,
    Started,
    Stop,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.engine import Engine
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from elsewhere.interrupts import deferred_interrupts
from elsewhere.link import GatewayEnd, LinkClosed

FOREVER = float("inf")
HANDOVER_SECONDS_MAX = 0.01
"""How long a waiting thread hopes for the role; then it waits without it."""
SPIN_SECONDS = 0.00005
STANDBY_SECONDS = 0.002
STOP_GRACE_SECONDS = 5.0
"""How long workers may take to end by themselves once the pool is shut down."""


class Pending(Protocol):
    """Whoever waits for a call: a future."""

    def settle(self, settlement: Settlement) -> None:
        """Called once, without the machine's lock."""


class GatewayHost:
    """Drives one machine, its engine and its links. `say` gets the lines that workers print."""

    def __init__(
        self, gateway: Gateway, engine: Engine, say: Callable[[int, str], None], name: str
    ) -> None:
        self._gateway = gateway
        self._engine = engine
        self._say = say
        self._lock = threading.Lock()
        self._inbox: deque[tuple[Call, Pending] | ToGateway] = deque()
        self._pending: dict[int, Pending] = {}
        self._kept: dict[int, threading.Event] = {}
        self._links: dict[int, GatewayEnd] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_ids = count()
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        os.set_blocking(self._wake_reader, False)
        self._role = threading.Lock()
        self._role_wanted = False
        self._standing_by = False
        self._turns_served = 0
        self._wake_at: float | None = None
        self._polling_until = 0.0
        self._closing = False
        self._ended = False
        self._ended_io = False
        self._wake_lock = threading.Lock()
        self._stop_by: float | None = None
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def open(self) -> None:
        """Start the workers and the I/O thread."""
        self.watch(self._wake_reader, self._drain_wakes)
        self._engine.open(self)
        self._thread.start()

    # ------------------------------------------------------------ from the user's threads

    def submit(self, call: Call, pending: Pending) -> None:
        """Send a call on its way; `pending` is settled once."""
        if self._ended:
            raise RuntimeError("the pool has ended: it takes no more calls")
        # One append, so that an interrupt leaves both or neither.
        self._inbox.append((call, pending))
        if self._gateway.hungry:
            self._drive()

    def post(self, message: ToGateway) -> None:
        """Tell the machine something on behalf of the client. Once all has ended, nobody listens."""
        if not self._ended:
            self._inbox.append(message)
            self._drive()

    def cancel_all(self) -> None:
        """Take back every call that does not run. Returns before workers have answered."""
        self.post(Cancel(list(self._pending)))

    def cancel(self, call: int) -> bool:
        """Take one call back; False if it runs or is settled. Asks its worker where need be."""
        answered = self._kept[call] = threading.Event()
        try:
            self.post(Cancel([call]))
            if self.in_io_thread:
                return call not in self._pending
            while call in self._pending and not answered.wait(0.05):
                pass
            return call not in self._pending
        finally:
            del self._kept[call]

    def is_running(self, call: int) -> bool:
        with self._lock:
            return self._gateway.is_running(call)

    def busy(self) -> tuple[int, int]:
        """How many workers hold calls, and how many there are."""
        with self._lock:
            return self._gateway.busy()

    @property
    def in_io_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """End once every call is settled. Returns at once; `join` waits."""
        self._closing = True
        self._wake()

    def terminate(self) -> None:
        """End now: kill the workers and cancel what is not settled."""
        self._closing = True
        self._ended = True
        self._wake()

    def join(self) -> None:
        """Wait until everything has ended. Does not wait in the I/O thread itself."""
        if self._thread.ident is not None and not self.in_io_thread:
            self._thread.join()

    # ------------------------------------------------------------ the machine

    def _drive(self) -> None:
        """Step the machine through the inbox, unless somebody else is at it."""
        while self._inbox:
            with deferred_interrupts():
                if not self._lock.acquire(blocking=False):
                    return
                try:
                    settlements = self._step_inbox()
                finally:
                    self._lock.release()
                self._settle(settlements)

    def _step_inbox(self) -> list[Settlement]:
        inbox = self._inbox
        settlements: list[Settlement] = []
        while inbox:
            message = inbox.popleft()
            if isinstance(message, tuple):
                calls = self._collect_calls(message)
                self._act(self._gateway.step(CLIENT, Submit(calls), monotonic()), settlements)
            else:
                self._act(self._gateway.step(CLIENT, message, monotonic()), settlements)
        return settlements

    def _collect_calls(self, first: "tuple[Call, Pending]") -> list[Call]:
        """The submitted calls that stand next to each other in the inbox, as one batch."""
        inbox = self._inbox
        call, pending = first
        self._pending[call.id] = pending
        calls = [call]
        while inbox and isinstance(inbox[0], tuple):
            call, pending = inbox.popleft()  # type: ignore[misc]  # a tuple, as just seen
            self._pending[call.id] = pending
            calls.append(call)
        return calls

    def _step(self, sender: int, message: ToGateway | None) -> None:
        """One step for who has the role, and so speaks for workers, engine and time."""
        with deferred_interrupts():
            with self._lock:
                settlements = self._step_inbox()
                self._act(self._gateway.step(sender, message, monotonic()), settlements)
            self._settle(settlements)
        self._drive()

    def _act(self, turn: Turn, settlements: list[Settlement]) -> None:
        if turn.sends:
            batches: dict[int, list[FromGateway]] = {}
            for peer, message in turn.sends:
                batches.setdefault(peer, []).append(message)
            for peer, messages in batches.items():
                self._send(peer, messages)
        settlements += turn.settlements
        self._wake_at = turn.wake
        if turn.wake is not None and turn.wake < self._polling_until:
            self._wake()

    def _send(self, peer: int, messages: list[FromGateway]) -> None:
        if peer == ENGINE:
            for message in messages:
                if isinstance(message, Kill):
                    self._engine.kill(message.worker)
        elif peer == CLIENT:
            for message in messages:
                if isinstance(message, Kept):
                    for call in message.calls:
                        if call in self._kept:
                            self._kept[call].set()
        else:
            link = self._links.get(peer)
            if link is not None and not link.send(messages):  # type: ignore[arg-type]  # for a worker
                events = selectors.EVENT_READ | selectors.EVENT_WRITE
                self._modify(link, events)

    def _settle(self, settlements: list[Settlement]) -> None:
        pending = self._pending
        kept = self._kept
        for settlement in settlements:
            waiting = pending.pop(settlement.call, None)
            if waiting is not None:
                waiting.settle(settlement)
            if kept and settlement.call in kept:
                kept[settlement.call].set()

    # ------------------------------------------------------------ the I/O thread

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Take the role in the thread that waits, until `done` or for `timeout` seconds.

        False if another thread has the role: then that one settles what is waited for.
        """
        if not self._role.acquire(blocking=False):
            if self._standing_by or self.in_io_thread:
                return False
            self._role_wanted = True
            self._wake()
            if not self._role.acquire(timeout=HANDOVER_SECONDS_MAX):
                return False
        try:
            until = FOREVER if timeout is None else monotonic() + timeout
            while not done() and not self._ended and monotonic() < until:
                self._poll(until, SPIN_SECONDS)
        finally:
            self._turns_served += 1
            self._role.release()
        return not self._ended

    def _serve(self) -> None:
        self._role.acquire()
        try:
            while not self._ended:
                self._poll(FOREVER)
                if self._closing and not self._pending and not self._inbox:
                    self._wind_down()
                if self._role_wanted:
                    self._stand_by()
        finally:
            self._end()
            self._role.release()

    def _stand_by(self) -> None:
        """Leave the role to a thread that waits, and take it back when none has for a while."""
        self._role_wanted = False
        self._standing_by = True
        self._role.release()
        while True:
            served = self._turns_served
            sleep(STANDBY_SECONDS)
            if self._role.acquire(blocking=False):
                if served == self._turns_served or self._ended:
                    break
                self._role.release()
        self._standing_by = False

    def _poll(self, until: float, spin_seconds: float = 0.0) -> None:
        """Wait for sockets, timers and the machine's own time, at most until `until`; act once."""
        # Announce the wait before looking when it must end: whoever brings that moment forward
        # either sees the announcement and wakes this thread, or is seen here.
        self._polling_until = FOREVER
        moments = [until, *(t for t in (self._wake_at, self._stop_by) if t is not None)]
        if self._timers:
            moments.append(self._timers[0][0])
        self._polling_until = until = min(moments)
        timeout = None if until == FOREVER else max(0.0, until - monotonic())
        for key, events in self._spin(spin_seconds) or self._selector.select(timeout):
            if key.fileobj in self._selector.get_map():
                key.data(events)
        self._polling_until = 0.0
        now = monotonic()
        while self._timers and self._timers[0][0] <= now:
            heappop(self._timers)[2]()
        if self._wake_at is not None and self._wake_at <= now:
            self._step(ENGINE, None)

    def _spin(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Look for a moment without sleeping: a processor that sleeps takes long to wake."""
        ready = self._selector.select(0) if seconds else []
        until = monotonic() + seconds
        while not ready and monotonic() < until:
            os.sched_yield()
            ready = self._selector.select(0)
        return ready

    def _exchange(self, worker: int, link: GatewayEnd, events: int) -> None:
        """A worker's link is ready: take what came, send what waits."""
        if events & selectors.EVENT_WRITE:
            with self._lock:
                if link.flush():
                    self._modify(link, selectors.EVENT_READ)
        if events & selectors.EVENT_READ:
            try:
                messages = link.receive()
            except LinkClosed:
                # The engine says how the worker ended; until then its process may still be there.
                self.unwatch(link.fileno())
                self._engine.kill(worker)
                return
            self._hear(worker, messages)

    def _hear(self, worker: int, messages: list[FromWorker]) -> None:
        for message in messages:
            if isinstance(message, Said):
                self._say(message.stream, message.text)
                continue
            if isinstance(message, Ready):
                self._engine.ready(worker)
            self._step(worker, message)

    def _wind_down(self) -> None:
        """Every call is settled: ask the workers to end, and end with the last of them."""
        if self._stop_by is None:
            self._stop_by = monotonic() + STOP_GRACE_SECONDS
            self._engine.close()
            for worker in list(self._links):
                with self._lock:
                    self._send(worker, [Stop()])
        if not self._links or monotonic() >= self._stop_by:
            self._ended = True

    def _end(self) -> None:
        self._engine.end()
        for link in self._links.values():
            link.close()
        self._links.clear()
        self._selector.close()
        with self._wake_lock:
            self._ended_io = True
            os.close(self._wake_reader)
            os.close(self._wake_writer)
        while self._inbox:
            message = self._inbox.popleft()
            if isinstance(message, tuple):
                self._collect_calls(message)
        self._settle([Settlement(call, Verdict.CANCELLED) for call in self._pending])

    def _modify(self, link: GatewayEnd, events: int) -> None:
        key = self._selector.get_map().get(link.fileno())
        if key is not None:
            self._selector.modify(link.fileno(), events, key.data)

    def _wake(self) -> None:
        """Interrupt the wait of whoever has the role."""
        # The descriptor must not be closed, and perhaps become somebody else's, before the write.
        with self._wake_lock, suppress(BlockingIOError):
            if not self._ended_io:
                os.write(self._wake_writer, b"!")

    def _drain_wakes(self) -> None:
        os.read(self._wake_reader, 4096)

    # ------------------------------------------------------------ the engine's door

    def worker_started(self, worker: int, link: GatewayEnd) -> None:
        self._links[worker] = link
        self._selector.register(
            link.fileno(),
            selectors.EVENT_READ,
            lambda events: self._exchange(worker, link, events),
        )
        self._step(ENGINE, Started(worker))

    def worker_lost(self, worker: int, exit: Exit) -> None:
        link = self._links.pop(worker, None)
        if link is not None:
            # What the worker had sent before it died counts.
            self._drain(worker, link)
            self.unwatch(link.fileno())
            link.close()
        self._step(ENGINE, Lost(worker, exit))

    def _drain(self, worker: int, link: GatewayEnd) -> None:
        try:
            while messages := link.receive():
                self._hear(worker, messages)
        except LinkClosed:
            return

    def watch(self, fileno: int, ready: Callable[[], None]) -> None:
        self._selector.register(fileno, selectors.EVENT_READ, lambda events: ready())

    def unwatch(self, fileno: int) -> None:
        if fileno in self._selector.get_map():
            self._selector.unregister(fileno)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        heappush(self._timers, (monotonic() + seconds, next(self._timer_ids), act))
