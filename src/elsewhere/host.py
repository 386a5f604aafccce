"""The host of an embedded gateway: it drives the machine for the threads of one client process.

    who submits:  encode → inbox → step → socket            (no hop: in the user's thread)
    who waits:    socket → step → socket → settle futures   (no hop: in the user's thread)
    I/O thread:   the same as who waits, while nobody waits

The machine is driven behind one lock. Whoever submits puts its message into the inbox and takes the
lock only if it is free; whoever holds it looks into the inbox again after releasing it, so that no
message stays unseen. Nothing blocks while the lock is held: links take what the socket takes and
keep the rest. While no worker has room, a submitted call is left in the inbox, because the step that
makes room looks there first.

Futures are settled after the lock is released. Their callbacks are the user's code: the thread that
reads the sockets (see `poller`) calls them once it has nothing else in hand, so that a callback may wait
for another future, and no thread that only submits ever runs one.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import get_ident
from time import monotonic
from typing import Any, TypeVar

from elsewhere.callbacks import Callbacks
from elsewhere.calls.messages import (
    Answer,
    Call,
    Cancel,
    FromWorker,
    Said,
    Settlement,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.span import Ran
from elsewhere.calls.values import FREE_BYTES_MAX, Missing
from elsewhere.calls.workers import Exit, Imported, Lost, Ready, Started, Stop
from elsewhere.cancels import Cancels
from elsewhere.delivery import Delivery
from elsewhere.engine import Engine
from elsewhere.future import Future
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from elsewhere.gateway.values import Values
from elsewhere.holdings import Holdings
from elsewhere.inbox import Inbox
from elsewhere.interrupts import DeferredInterrupts
from elsewhere.link import GatewayEnd, LinkClosed
from elsewhere.pending import Again, Pending, Waited
from elsewhere.poller import READ, WRITE, Poller
from elsewhere.remembering import Remembering
from elsewhere.store import Store

T = TypeVar("T")
STOP_GRACE_SECONDS = 5.0
"""How long workers may take to end by themselves once the pool is shut down."""


class GatewayHost:
    """Drives one machine, its engine and its links.

    `say` gets the lines that workers print; `on_end` is called when nothing is left. `store` remembers
    what the machine wants remembered, and is looked up before the machine hears of a call with a key.
    Large values of this process lie in `directory`, and it keeps `free_bytes_max` to use them again.
    """

    adopts = True  # its calls may wait for the futures of other pools

    def __init__(
        self,
        gateway: Gateway,
        engine: Engine,
        say: Callable[[int, str], None],
        on_end: Callable[[], None],
        name: str,
        store: Callable[[], Store],
        directory: str = "",
        free_bytes_max: int = FREE_BYTES_MAX,
    ) -> None:
        self._gateway = gateway
        self._remembering = Remembering(gateway, store, self.post)
        self._engine = engine
        self._say = say
        self.on_ran: Callable[[Ran], None] = lambda message: None
        """whoever records listens here"""
        self._on_end = on_end
        self._lock = threading.Lock()
        self._inbox = Inbox()
        self._callbacks = Callbacks()
        self._poller = Poller()
        self.holdings = Holdings(
            directory, free_bytes_max, self.note, self.post, self._poller.look_soon, self._look
        )
        self.lease = self.holdings.lease
        self._cancels = Cancels(self._poller)
        self._delivery = Delivery(
            engine, self.holdings, self._cancels, self._poller, directory, self.note
        )
        self._poller.on_alarm(lambda: self._step(ENGINE, None))
        self._poller.on_look(self._catch_up)
        self._poller.on_served(self._callbacks, self._callbacks.run)
        self._closing = False
        self._stop_by: float | None = None
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def open(self) -> None:
        """Start the workers and the I/O thread."""
        self._engine.open(self)
        self._thread.start()

    # ------------------------------------------------------------ from the user's threads

    def submit(self, call: Call, pending: Pending, inputs: Sequence[Future[Any]] = ()) -> None:
        """Send a call on its way; `pending` is settled once. `inputs` are the futures of its inputs."""
        if self._poller.ended:
            raise RuntimeError("the pool has ended: it takes no more calls")
        if inputs:
            self.holdings.give(call, inputs)
        # One append, so that an interrupt leaves both or neither.
        self._inbox.append((call, pending))
        if self._poller.ended:
            self._cancel_rest()  # type: ignore[unreachable]  # another thread may end it meanwhile
        elif self._gateway.hungry:
            self._drive()

    def note(self, message: ToGateway) -> None:
        """Tell the machine something before its next step. Finalisers may call this anywhere."""
        self._inbox.append(message)

    def post(self, message: ToGateway) -> None:
        """Tell the machine something now. Once all has ended, nobody listens."""
        if not self._poller.ended:
            self._inbox.append(message)
            self._drive()

    def cancel_all(self) -> None:
        """Take back every call that does not run. Returns before workers have answered."""
        self._catch_up()  # every call that was submitted is pending now
        self.post(Cancel(list(self._inbox.pending)))

    def cancel(self, call: int, settled: Callable[[], bool]) -> None:
        """Take one call back; returns once it is settled, or its worker said no, or nothing in time."""

        def ask() -> int:
            self.post(Cancel([call]))
            record = self.look(lambda gateway: gateway.calls.get(call))
            self._drive()
            return 0 if record is None else record.worker

        self._cancels.wait(call, settled, ask)

    def serve_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Do the pool's work in this thread until `done` or `timeout`; False if another does it."""
        return self._poller.serve_until(done, timeout)

    def wait_for(self, future: Waited, timeout: float | None) -> bool:
        """Serve until it is settled; False if another thread does."""
        return self._poller.serve_until(future.is_settled, timeout)

    def make_waiters(self) -> list[object]:
        return []

    def ask_again(
        self, missing: Missing, again: Future[Any], share: Callable[[Future[Any]], Future[Any]]
    ) -> Future[Any]:
        with DeferredInterrupts():  # or a future might be shared that nobody has asked for
            if (shared := self.holdings.sought.seek(missing.call, again, share)) is again:
                self._inbox.append(Again(missing, again))
        if self._poller.ended:
            self._cancel_rest()
        else:
            self._drive()
        return shared

    def is_running(self, call: int) -> bool:
        with self._locked():
            return self._gateway.is_running(call)

    def _look(self, see: Callable[[Values], T]) -> T:
        return self.look(lambda gateway: see(gateway.ledger.values))

    def _catch_up(self) -> bool:
        """Tell the machine all that it has not heard, also of what was let go, which nobody may have
        noticed; whether there is more to be let go one day."""
        with DeferredInterrupts():
            with self._lock:
                settlements = self._step_inbox()
            self._settle(settlements)
        self._drive()
        return bool(self.holdings.leases)

    def look(self, see: Callable[[Gateway], T]) -> T:
        """What is to be seen of the machine, once it has heard all that was said."""
        with self._locked():
            settlements, seen = self._step_inbox(), see(self._gateway)
        self._settle(settlements)
        return seen

    def close(self) -> None:
        """End once every call is settled. Returns at once; `join` waits."""
        self._closing = True
        self._poller.wake()

    def terminate(self) -> None:
        """End now: kill the workers and cancel what is not settled."""
        self._closing = True
        self._poller.ended = True
        self._poller.wake()

    def join(self) -> None:
        """Wait until everything has ended. Does not wait in the I/O thread itself."""
        if self._thread.ident not in (None, get_ident()) and not self._poller.is_serving:
            self._thread.join()

    def disown(self) -> None:
        """This process is a copy of the one that the workers belong to: say and do nothing more."""
        self._poller.disown()
        self._inbox.clear()

    # ------------------------------------------------------------ the machine

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The machine to oneself, for what is no step; what came in meanwhile is looked at after."""
        with DeferredInterrupts(), self._lock:
            yield
        self._drive()

    def _drive(self) -> None:
        """Step the machine through the inbox, unless somebody else is at it."""
        while self._inbox:
            with DeferredInterrupts():
                if not self._lock.acquire(blocking=False):
                    return
                try:
                    settlements = self._step_inbox()
                finally:
                    self._lock.release()
                self._settle(settlements)

    def _step_inbox(self) -> list[Settlement]:
        settlements: list[Settlement] = []
        self.holdings.tell_gone()
        while self._inbox:
            message = self._inbox.take()
            if isinstance(message, Submit):
                message = Submit(self._remembering.leave_unknown(message.calls, settlements))
            self._act(self._gateway.step(CLIENT, message, monotonic()), settlements)
            self.holdings.was_told(message, self._inbox.pending)
        return settlements

    def _step(self, sender: int, message: ToGateway | None) -> None:
        """One step for who has the role, and so speaks for workers, engine and time."""
        with DeferredInterrupts():
            with self._lock:
                settlements = self._step_inbox()
                if isinstance(message, Submit):
                    known: list[Settlement] = []
                    message = Submit(self._remembering.leave_unknown(message.calls, known))
                    if known:
                        self._delivery.send(sender, [Answer(known)])
                self._act(self._gateway.step(sender, message, monotonic()), settlements)
            self._settle(settlements)
        self._drive()

    def _act(self, turn: Turn, settlements: list[Settlement]) -> None:
        if turn.rows:
            self._remembering.write(turn.rows)
        if turn.sends:
            self._delivery.deliver(turn.sends)
        settlements += turn.settlements
        self._poller.set_alarm(turn.wake)

    def _settle(self, settlements: list[Settlement]) -> None:
        kept = self.holdings.take_all(settlements)
        for settlement in settlements:
            pending = self._inbox.pending.pop(settlement.call, None)
            self.holdings.settled(settlement.call)
            if pending is not None:
                pending.settle(settlement.as_kept())
                self._callbacks.append(pending)
        del kept  # not before all that have a part in one value know of it
        self.holdings.tell()
        at_end = self._closing and not self._inbox.pending
        if at_end or (settlements and not self._poller.is_serving):
            self._poller.wake()

    # ------------------------------------------------------------ the I/O thread

    def _serve(self) -> None:
        try:
            self._poller.serve(self._check_end)
        finally:
            self._end()

    def _check_end(self) -> None:
        if self._closing:
            self._drive()  # an interrupted submit may have left its call in the inbox
        if self._closing and not self._inbox.pending and not self._inbox:
            self._wind_down()

    def _exchange(self, worker: int, link: GatewayEnd, events: int) -> None:
        """A worker's link is ready: take what came, send what waits."""
        if events & WRITE:
            with self._locked():
                self._delivery.flush(link)
        if events & READ:
            try:
                messages = link.receive()
            except LinkClosed:
                # The engine says how the worker ended; until then its process may still be there.
                self._poller.unwatch(link.fileno())
                self._engine.kill(worker)
                return
            self._cancels.note_heard(worker)
            self._hear(worker, messages)

    def _hear(self, worker: int, messages: list[FromWorker]) -> None:
        for message in messages:
            match message:
                case Said():
                    self._say(message.stream, message.text)
                case Imported():
                    self._engine.preload(message)
                case Ran():
                    self.on_ran(message)
                case _:
                    if isinstance(message, Ready):
                        self._engine.ready(worker)
                    self._step(worker, message)

    def _wind_down(self) -> None:
        """Every call is settled: ask the workers to end, and end with the last of them."""
        if self._stop_by is None:
            self._stop_by = monotonic() + STOP_GRACE_SECONDS
            self._poller.later(STOP_GRACE_SECONDS, self._check_end)
            self._engine.close()
            for worker in list(self._delivery.links):
                with self._locked():
                    self._delivery.send(worker, [Stop()])
        if not self._delivery.links or monotonic() >= self._stop_by:
            self._poller.ended = True

    def _end(self) -> None:
        self._poller.ended = True
        with ExitStack() as ends:  # whatever fails, the rest ends; what is named last comes first
            ends.callback(self._on_end)
            ends.callback(self._cancel_rest)
            ends.callback(self._poller.close)
            ends.callback(self._delivery.end)
            ends.callback(self._engine.end)
            ends.callback(self.holdings.end)

    def _cancel_rest(self) -> None:
        """Nobody will step the machine again: settle every call that is left."""
        with DeferredInterrupts():
            with self._lock:
                while self._inbox:
                    self._inbox.take()
            # Those who still settle what they stepped may take from it meanwhile.
            rest = list(self._inbox.pending)
            self._settle([Settlement(call, Verdict.CANCELLED) for call in rest])
        self._callbacks.run()

    # ------------------------------------------------------------ the engine's door

    def worker_started(self, worker: int, link: GatewayEnd, node: int = 0) -> None:
        self._delivery.links[worker] = link
        self._poller.watch(link.fileno(), lambda events: self._exchange(worker, link, events))
        with self._locked():
            self._delivery.flush(link)  # a large initializer may still wait in it
        self._step(ENGINE, Started(worker, node))

    def worker_lost(self, worker: int, how: Exit) -> None:
        link = self._delivery.links.pop(worker, None)
        self._cancels.note_heard(worker)
        if link is not None:
            # What the worker had sent before it died counts.
            with suppress(LinkClosed):
                while messages := link.receive():
                    self._hear(worker, messages)
            self._poller.unwatch(link.fileno())
            link.close()
        with self._locked():
            kept = self._gateway.ledger.values.paths_of(worker)
        # Before the machine knows: from then on this process may use what the worker has left.
        self.holdings.remove_unneeded(worker, kept)
        self._step(ENGINE, Lost(worker, how))

    def watch(self, fileno: int, ready: Callable[[], None]) -> None:
        self._poller.watch(fileno, lambda events: ready())

    def unwatch(self, fileno: int) -> None:
        self._poller.unwatch(fileno)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self._poller.later(seconds, act)
