"""Runs attempts and the calls that are made inside them, each in a fiber.

A *root* is an attempt that the gateway has sent. Calls that are made inside it wait on the worker's
own stack and belong to the same root. When a call waits, its fiber is parked and the hub, which is
the main thread's own stack, goes on with something else: first with what has become ready, then with
the latest call of the stack, then with the next attempt. Fibers are started by the hub alone, so that
a parked one holds nothing but its own frames, however deep calls nest.
"""

import _thread
import sys
from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic
from types import CoroutineType
from typing import Any

from elsewhere.calls.messages import Attempt, Died, Has, Outcome, Parked, Resumed, Verdict
from elsewhere.calls.workers import Exit
from elsewhere.worker.applying import Applying, Result
from elsewhere.worker.control import Control, Root, Threads
from elsewhere.worker.editions import WorkerEditions
from elsewhere.worker.fibers import getcurrent, greenlet, is_within
from elsewhere.worker.imports import Imports
from elsewhere.worker.interrupts import Interrupts
from elsewhere.worker.output import LineWriter
from elsewhere.worker.parking import Alarms, Parking
from elsewhere.worker.post import Post
from elsewhere.worker.runnable import Inner, Loop
from elsewhere.worker.values import Values, in_outcome

FLUSH_SECONDS = 0.002
"""How long an outcome may wait for others while short calls follow each other."""
THREADS_SECONDS = 0.01
"""How often the hub looks whether threads of calls have made something ready."""
OWN_THREADS = 1
"""the watcher; the main thread is not counted"""
FREE_FIBERS_MAX = 64
"""How many fibers without work are kept."""


class Runner:
    """The main thread's side of a worker. `cells[0]` is where it notes the call in control, or the
    last one as long as its outcome is not sent."""

    def __init__(
        self,
        post: Post,
        cells: "memoryview[int]",
        screens: list[LineWriter],
        editions: WorkerEditions,
    ) -> None:
        self._post = post
        self.editions = editions
        self._control = Control(cells, post.outgoing.append, editions)
        self._screens = screens
        self.stack: deque[Inner] = deque()
        """calls made inside calls, the latest last; one that others took or that runs is skipped"""
        self.ready: deque[Parking] = deque()
        self.alarms = Alarms()
        self.current: Root | None = None
        """the root whose code is in control"""
        self.begun = 0
        """how many calls were begun: if it stands still, one keeps the thread busy"""
        self.idle = True
        self.roots: dict[tuple[int, int], Root] = {}
        """those that were begun and have not ended"""
        self.interrupts = Interrupts(post, self.roots, lambda: self.current)
        self.threads = Threads()
        self.told = 0
        """how many calls the gateway believes to wait on the stack"""
        self._telling = Lock()
        self._flushed = 0.0
        self.hub = getcurrent()
        self._leads = True
        """False in a process that a call has forked: nobody goes on with what is parked there"""
        self._looks: list[Callable[[], None]] = []
        """to be called when a watched descriptor may be ready"""
        self._coroutines: Loop | None = None
        self.make_coroutines: Callable[[], Loop]
        """set by who can import them; only who has coroutines pays for it"""
        self._free: list[greenlet] = []
        self.imports: Imports | None = None
        """told of, if this is"""
        self.notes_calls = False
        """whether calls that are made inside calls are told of"""
        self.values = Values(post)
        self.applying = Applying(post, self.values, editions, screens, self.finish)
        self._apply, self._fail = self.applying.apply, self.applying.fail

    # ------------------------------------------------------------ the hub

    def run_ready(self) -> None:
        """Run what has come, until nothing is left that could run now."""
        self.idle = False
        if self.alarms or self._looks:
            self._attend()
        while True:
            if self._post.interrupts:
                self.interrupts.raise_parked()
            if self.ready:
                self.ready.popleft().resume()
            elif self.stack or self._post.attempts:
                fiber = self._free.pop() if self._free else greenlet(self._work, self.hub)
                fiber.switch()
            else:
                break
        self.values.rest()
        if self._control.head is not None:
            self._control.lose()
        if self._post.interrupts and not self.roots and not self._post.attempts:
            self._post.interrupts.clear()  # whatever they were for is over
        self.idle = True

    def rest(self) -> None:
        """All outcomes are sent."""
        self._control.rest()

    def watch(self, fileno: int, look: Callable[[], None]) -> None:
        """Call `look` from the hub when `fileno` can be read, and now and then besides."""
        self._post.watch(fileno)
        self._looks.append(look)

    def is_done(self) -> bool:
        """Whether nothing is left, begun or not."""
        return not (self.roots or self.stack or self._post.attempts)

    def is_due(self) -> bool:
        """Whether there is something to do without any mail."""
        return bool(self.ready or self.stack) or (self._post.stopping and self.is_done())

    def seconds_to_wait(self) -> float | None:
        """How long the hub may wait for mail."""
        alarm = self.alarms.pending() if self.alarms else None
        if not self.roots or _thread._count() <= OWN_THREADS:
            return alarm
        # A thread that a call has started may make something ready at any time.
        return THREADS_SECONDS if alarm is None else min(alarm, THREADS_SECONDS)

    def _work(self) -> None:
        """A fiber's life: run calls one after another while nothing that was parked is ready."""
        post = self._post
        me = getcurrent()
        while True:
            if self.ready or not ((self.stack and self._run_inner()) or self._run_next_root()):
                if len(self._free) >= FREE_FIBERS_MAX:
                    return
                self._free.append(me)
                self.hub.switch()
                continue
            now = monotonic()
            if now - self._flushed > FLUSH_SECONDS:
                self._flushed = now
                self.tell_stack()
                post.flush()
                imports = self.imports
                if imports is not None and len(sys.modules) != imports.count:
                    imports.look()
                post.look()
                if self.alarms or self._looks:
                    self._attend()
                if post.interrupts:
                    self.interrupts.raise_parked()

    def _attend(self) -> None:
        """Wake what waits for time or for a descriptor."""
        self.alarms.ring()
        for look in self._looks:
            look()

    # ------------------------------------------------------------ calls

    def _run_inner(self) -> bool:
        """Run the latest call of the stack; False if there is none."""
        stack = self.stack
        while stack:
            try:
                inner = stack.pop()
            except IndexError:
                return False  # the watcher has just given it away
            payload = inner.begin()
            if payload is None:
                continue  # it was run before its turn, or was given away, or waits for its inputs
            root = inner.root
            if root.interrupted:
                inner.drop()
                continue
            self.begun += 1
            self._control.give(root)
            try:
                self.current = root
                inner.run(payload)
            finally:
                self.current = None
            return True
        return False

    def _run_next_root(self) -> bool:
        """Run the next attempt; False if there is none."""
        try:
            attempt = self._post.attempts.popleft()
        except IndexError:
            return False
        self.values.handed.begin(attempt)
        self._post.bound = None
        self._run_root(attempt)
        return True

    def _run_root(self, attempt: Attempt) -> None:
        post = self._post
        if attempt.fork or (post.lasting and attempt.function in post.lasting):
            post.flush()  # if this one keeps the interpreter to itself, nobody can do so meanwhile
        if attempt.inputs and self.values.lacks(attempt):
            post.outgoing.append(
                Outcome(attempt.call, attempt.fence, Verdict.UNREADY, b"", 0.0, 0.0)
            )
            return
        started = monotonic()
        root = Root(attempt)
        if self.editions.used:
            root.table = self.editions.table_of(attempt.function, post.functions)
        self.roots[root.name] = root
        self.begun += 1
        self._control.give(root)
        try:
            self.current = root
            try:
                verdict: Verdict = Verdict.VALUE
                result: Result = self._apply(attempt, root)
            finally:
                self.current = None
        except BaseException as error:  # noqa: BLE001  # it travels to the client
            verdict, result = self._fail(attempt, error, root)
        root.open = False
        del self.roots[root.name]
        if post.interrupts:
            post.interrupts.discard(root.name)
        for screen in self._screens:
            if screen.rest:
                screen.end_line()
        self._control.end()
        elapsed = monotonic() - started
        if elapsed > FLUSH_SECONDS:
            post.lasting.add(attempt.function)
        elif post.lasting:
            post.lasting.discard(attempt.function)
        self._tell_outcome(root, verdict, result, started, elapsed)

    def run_in_thread(self, attempt: Attempt) -> None:
        """Run an attempt in a thread, because the main one may be waiting for what waits for it."""
        started = monotonic()
        root = Root(attempt)
        # It does not keep the main thread, so what it waits for must find room here.
        self._post.post(Parked(*root.name))
        with self.threads.run(root), self.editions.lent(attempt.function, self._post.functions):
            try:
                verdict: Verdict = Verdict.VALUE
                result: Result = self._apply(attempt, root)
            except BaseException as error:  # noqa: BLE001  # it travels to the client
                verdict, result = self._fail(attempt, error, root)
        root.open = False
        elapsed = monotonic() - started
        self._tell_outcome(root, verdict, result, started, elapsed)
        self._post.flush()

    def _tell_outcome(
        self, root: Root, verdict: Verdict, result: Result, started: float, elapsed: float
    ) -> None:
        holds: tuple[int, ...] = ()
        if root.mapped:
            root.arguments = None  # they hold the inputs
            held = self.values.hold(root.mapped)
            holds = tuple([number for number, _ in held])
        # What is held is let go after this, and so told after this.
        if isinstance(result, Exit):
            self._post.outgoing.append(Died(*root.name, result, holds))
            return
        payload, place = in_outcome(result)
        self.values.handed.end(root.attempt)
        if root.attempt.needed and verdict is Verdict.VALUE:
            self.values.keep(root.attempt, result)
        self._post.outgoing.append(
            Outcome(*root.name, verdict, payload, started, elapsed, place, holds, (), root.building)
        )
        if place is not None:
            self.values.told(place)

    def finish(self, value: Any) -> Any:
        """The value of a call; of an `async def` function, once its coroutine has ended."""
        if type(value) is not CoroutineType:
            return value
        if not self.can_park():
            from elsewhere.inline import run_coroutine

            return run_coroutine(value)  # in a thread of a call
        if self._coroutines is None:
            self._coroutines = self.make_coroutines()
        return self._coroutines.run(value)

    def own_root(self) -> Root | None:
        """The root of the call that this is in. A thread's is taken to be the one in control, which
        mostly waits for that thread."""
        if self._coroutines is not None and self._coroutines.in_control:
            return self._coroutines.root()
        return self.threads.root() or self.current

    # ------------------------------------------------------------ waiting

    def park(self, parking: Parking) -> None:
        """In a fiber: run other things until `parking` is woken. Raises its error."""
        root = self.current
        self.current = None
        mine = root is not None and root.parking is None
        if mine and root is not None:
            root.parking = parking
        try:
            self.hub.switch()
        finally:
            if root is not None:
                if mine:
                    root.parking = None
                self._control.give(root)
                self.current = root

    def can_park(self) -> bool:
        """Whether this is a fiber or a greenlet of a call's own, and not the hub or another thread.

        Raises RuntimeError in a coroutine, which would park all others too.
        """
        if self.in_coroutine:
            raise RuntimeError(
                "an `async def` function must not wait for a call by blocking: "
                "write `await elsewhere.spawn(...)`"
            )
        return self._leads and is_within(self.hub)

    @property
    def in_coroutine(self) -> bool:
        """Whether a coroutine of this worker's own loop is what runs now."""
        return self._coroutines is not None and self._coroutines.in_control

    def tell_standing(self, stands: bool) -> None:
        """From a thread that waits: whether what is in control stands still, perhaps until that ends.

        Then the worker has room, as if the call were parked; without it there would be none for what
        the thread waits for.
        """
        root = self.current
        if root is not None and root.open and root.told_parked is not stands:
            root.told_parked = stands
            self._post.post(Parked(*root.name) if stands else Resumed(*root.name))

    def tell_stack(self, *, asked: bool = False) -> None:
        """Let the gateway know whether calls wait here that others could take. From either thread."""
        with self._telling:  # or what was counted first might be said last, and be believed
            waiting = len(self.stack)
            if asked or (waiting > 0) != (self.told > 0):
                self.told = waiting
                self._post.outgoing.append(Has(waiting))

    def leave(self) -> None:
        """In a process that a call has forked: the box is the worker's, and so are interrupts."""
        self._control.leave()
        self.interrupts.leave()
        self._leads = False
