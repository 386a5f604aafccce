"""The pool in force inside a worker's calls: children run here, depth first, unless others take them.

A *child* is a call that was made inside another one. A plain one waits on the runner's stack and runs
in this worker, which costs no message. When somebody idles, the gateway asks to share, and the oldest
children, which are the largest pieces of work, are submitted to it. A child with a key or with options
is submitted at once, because the gateway is who knows of equal calls, retries and time limits.

A thread that a call has started cannot park: it runs the children that it waits for itself.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future as BaseFuture
from contextlib import suppress
from functools import partial
from itertools import count
from threading import Thread
from time import monotonic
from typing import Any

from elsewhere.calls.messages import (
    NUMBERS_PER_WORKER,
    Attempt,
    Call,
    Cancel,
    Kind,
    Options,
    Settlement,
    Verdict,
)
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.codec.functions import Encoded, Functions, describe, to_send
from elsewhere.codec.values import dumps, dumps_call, loads, too_large
from elsewhere.errors import NotPicklable
from elsewhere.future import Future, failed_future
from elsewhere.names import Name, name_of
from elsewhere.tasks import task_of
from elsewhere.worker.control import Root
from elsewhere.worker.fibers import getcurrent
from elsewhere.worker.parking import Parking
from elsewhere.worker.post import Post
from elsewhere.worker.runner import Runner
from elsewhere.worker.waiters import THREAD_SECONDS, Waiters

_PLAIN = Options()
_NO_NAME = Name(b"", "", b"")
_PAYLOAD = "the arguments"
SHARED_MAX = 1024
"""How many children are given away at once."""
CANCEL_SECONDS = 0.05
"""How long `Future.cancel` waits for the gateway to agree."""
STANDING_SECONDS = 0.05
"""The main thread may be waiting for a waiting thread if it has begun nothing for so long."""
LOOK_SECONDS = 0.0005
"""How often it looks for the answer."""
IMPATIENT_SECONDS = 0.5
"""For how long nobody waits for such answers after one has not come."""


class Child(Future[Any]):
    """The future of a child, and the child itself until somebody has begun it."""

    def __init__(
        self, function: Callable[..., Any], payload: bytes, root: Root, pool: "InnerPool"
    ) -> None:
        super().__init__(None, "", pool)
        self.callee = function
        self.root = root
        self.encoded: Encoded | None = None
        self.number = 0
        """under which it was submitted; 0 while only this worker knows it"""
        self.brought = False
        """its outcome has come by the link"""
        self._pool = pool
        self.__dict__[_PAYLOAD] = payload

    def take(self) -> bytes | None:
        """Its arguments, for who comes first. A `dict.pop`, because two threads may come at once."""
        payload: bytes | None = self.__dict__.pop(_PAYLOAD, None)
        return payload

    def put_back(self, payload: bytes) -> None:
        """Undo `take`."""
        self.__dict__[_PAYLOAD] = payload

    @property
    def waits_here(self) -> bool:
        """Whether nobody has begun or taken it."""
        return _PAYLOAD in self.__dict__

    def run(self, payload: bytes) -> None:
        """Run it here and settle it."""
        function = self.callee
        verdict = Verdict.ERROR
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        try:
            args, kwargs = loads(payload)
            result = dumps(self._pool.finish(function(*args, **kwargs)), "result")
            verdict = Verdict.VALUE
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever waits
            from elsewhere.codec.failures import encode_failure
            from elsewhere.codec.labels import label_of

            result = encode_failure(error, label_of(function, args, kwargs))
        self.end(Settlement(0, verdict, result, self._pool.worker, 1))

    def drop(self) -> None:
        """Its root was interrupted: settle it as cancelled."""
        self.end(Settlement(0, Verdict.CANCELLED))

    def end(self, settlement: Settlement) -> None:
        self._function = describe(self.callee)
        self.settle(settlement)
        self.run_callbacks()

    def cancel(self) -> bool:
        """Take the call back, unless it has been begun."""
        if self.take() is not None:
            self.drop()
        elif self.number and not self.is_settled():
            self._pool.take_back(self)
        return super().cancel()

    def add_done_callback(self, fn: Callable[[BaseFuture[Any]], object]) -> None:
        """As the base's. Its outcome may come where nothing may wait; `fn` is then called elsewhere."""
        # What asyncio leaves here only wakes a loop, which may be what a thread of the call waits in.
        if not self.is_settled() and getattr(fn, "__module__", "") != "asyncio.futures":
            fn = partial(self._call_back, fn)
        super().add_done_callback(fn)

    def _call_back(self, fn: Callable[[BaseFuture[Any]], object], _: object) -> None:
        if self.brought:
            # Whoever brings an outcome reads the link meanwhile, and `fn` may wait for what comes by it.
            Thread(target=fn, args=(self,), daemon=True).start()
        else:
            fn(self)

    def __await__(self) -> Generator[Any, None, Any]:
        if self._pool.in_coroutine:
            return (yield from super().__await__())
        # A loop that the call itself runs blocks its thread, and so must not wait for what runs there.
        if not self.is_settled():
            self._pool.wait_for(self, None)
        return self.result()

    def running(self) -> bool:
        """Whether a worker runs it, as far as is known here."""
        return not self.number and not self.waits_here and not self.is_settled()


class InnerPool:
    """The children of one worker: `elsewhere.in_force.Caller`, and the settler of their futures."""

    def __init__(self, runner: Runner, post: Post, worker: int) -> None:
        self.worker = worker
        self._runner = runner
        self._post = post
        first = worker * NUMBERS_PER_WORKER + 1
        self._numbers = count(first)
        self._functions = Functions(post.outgoing.append, first)
        self._asked: dict[int, Child] = {}
        """by number: children that were submitted and are not settled"""
        self._standing = -1, 0.0
        """how many calls the main thread had begun when a thread last looked, and when that was"""
        self._patient_from = 0.0
        """when answers to cancels are waited for again"""
        self._detached = Root(Attempt(0, 0, 0, b"", Kind.CALL))
        self._detached.open = False
        self.finish = runner.finish
        post.on_share, post.on_answer = self.share, self.answer
        runner.on_interrupt = self.stop_children

    # ------------------------------------------------------------ calls

    def spawn(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        """Call ``function(*args, **kwargs)``, here or elsewhere."""
        if not callable(function):
            raise TypeError(f"the first argument must be callable, not {function!r}")
        task = task_of(function)
        try:
            payload = dumps_call(args, kwargs)
            if len(payload) > PAYLOAD_BYTES_MAX:
                raise too_large("the arguments", len(payload))
            child = Child(function, payload, self._runner.own_root() or self._detached, self)
            if task is None:
                self._runner.stack.append(child)
            elif task.pure:
                self._submit(child, payload, task.options, name_of(function, args, kwargs))
            elif task.options == _PLAIN:
                self._runner.stack.append(child)
            else:
                self._submit(child, payload, task.options)
        except TypeError as error:
            # NotPicklable, NoKey, or what the function says of its arguments.
            return failed_future(error, self)
        return child

    def spawn_each(
        self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]
    ) -> Iterator[Future[Any]]:
        """Call ``function(*item)`` for each of `items`."""
        return (self.spawn(function, item, {}) for item in items)

    def store(self) -> None:
        """The store is the client's."""
        return

    def _submit(
        self, child: Child, payload: bytes, options: Options, name: Name = _NO_NAME
    ) -> None:
        """Make a child the gateway's. Raises `NotPicklable`, and has done nothing then."""
        encoded = self._functions.encode(to_send(child.callee))
        child.take()
        child.encoded = encoded  # so that it lives as long
        child._timeout = options.timeout
        child.number = number = next(self._numbers)
        self._asked[number] = child
        parent = child.root.attempt.call
        self._post.outgoing.append(
            Call(
                number,
                encoded.number,
                payload,
                options,
                key=name.key,
                parent=parent,
                label=name.label,
                parts=name.parts,
            )
        )

    def share(self) -> None:
        """Submit about half of the children that wait, the oldest first. From either thread."""
        stack = self._runner.stack
        wanted = min((len(stack) + 1) // 2, SHARED_MAX)
        kept: list[Any] = []
        while wanted and stack:
            try:
                child: Any = stack.popleft()
            except IndexError:
                break  # the main thread has just begun it
            payload = child.take()
            if payload is None:
                continue
            if child.root.interrupted:
                child.drop()
                continue
            try:
                self._submit(child, payload, _PLAIN)
                wanted -= 1
            except NotPicklable:
                child.put_back(payload)
                kept.append(child)
        stack.extendleft(reversed(kept))
        self._runner.tell_stack(asked=True)
        self._post.flush()

    def answer(self, settlement: Settlement) -> None:
        """A submitted child has come out. From either thread."""
        child = self._asked.pop(settlement.call, None)
        if child is not None:
            child.brought = True
            child.end(settlement)

    def stop_children(self, root: Root) -> None:
        """A root must end: what others run for it need not go on. From either thread."""
        calls = [number for number, child in list(self._asked.items()) if child.root is root]
        if calls:
            self._post.outgoing.append(Cancel(calls, interrupt=True))

    def take_back(self, child: Child) -> None:
        """Ask the gateway to cancel a child, and give it a moment to do so.

        Nothing else runs here meanwhile: who takes one call back does not want the next one begun.
        """
        self._post.post(Cancel([child.number], interrupt=False))
        now = monotonic()
        until = now + CANCEL_SECONDS if now >= self._patient_from else now
        while not child.is_settled():
            left = until - monotonic()
            if left <= 0:
                # It runs, most likely, and so may all that are taken back with it.
                self._patient_from = monotonic() + IMPATIENT_SECONDS
                return
            self._post.look()
            child._await_bell(min(left, LOOK_SECONDS))

    @property
    def in_coroutine(self) -> bool:
        """Whether a coroutine of this worker's own loop is what runs now."""
        return self._runner.in_coroutine

    # ------------------------------------------------------------ waiting (their settler)

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        """Wait for a child; False if another thread will wake this one."""
        if not self._runner.can_park():
            return self._wait_in_thread(future, timeout)
        if isinstance(future, Child) and future.waits_here:
            stack = self._runner.stack
            if not stack or stack[-1] is not future:
                stack.append(future)  # what is waited for goes first
        parking = Parking(getcurrent(), self._runner.ready)
        future.wake_when_settled(parking.wake)
        if future.is_settled() and not parking.over:
            parking.over = True
            return True
        if timeout is not None:
            self._runner.alarms.set(parking, timeout)
        self._runner.park(parking)
        return True

    def _wait_in_thread(self, future: Future[Any], timeout: float | None) -> bool:
        """In a thread of a call, while the main thread may be waiting for that very thread."""
        until = None if timeout is None else monotonic() + timeout
        if isinstance(future, Child):
            payload = future.take()
            if payload is not None:
                future.run(payload)
                return True
            self._post.flush()
        while not future.is_settled():
            left = THREAD_SECONDS if until is None else min(THREAD_SECONDS, until - monotonic())
            if left <= 0:
                break
            future._await_bell(left)
            if isinstance(future, Child) and future.number:
                self._run_sent_back(future.number)
            self.run_backlog()
        self._runner.tell_standing(False)
        return True

    def run_backlog(self) -> None:
        """In a thread that waits: begin what the main thread does not come to, if that stands still."""
        now, begun = monotonic(), self._runner.begun
        last, since = self._standing
        if begun == last and now - since < STANDING_SECONDS:
            return
        self._standing = begun, now
        if begun != last:
            return
        self._runner.tell_standing(True)
        if self._runner.stack or self._post.attempts:
            # One that waits itself must not keep the others.
            Thread(target=self._run_while_standing, args=(begun,), daemon=True).start()

    def _run_while_standing(self, begun: int) -> None:
        runner, attempts = self._runner, self._post.attempts
        # What the main thread takes meanwhile is not there any more.
        with suppress(IndexError):
            while runner.begun == begun:
                if not runner.stack:
                    runner.run_in_thread(attempts.popleft())
                    continue
                child: Any = runner.stack.pop()
                payload = child.take()
                if payload is not None:
                    with runner.threads.run(child.root):
                        child.run(payload)

    def _run_sent_back(self, number: int) -> None:
        """The gateway has sent this worker its own child, and the main thread may never come to it."""
        for attempt in tuple(self._post.attempts):
            if attempt.call == number:
                try:
                    self._post.attempts.remove(attempt)
                except ValueError:
                    return  # the main thread has begun it, or it was recalled
                self._runner.run_in_thread(attempt)
                return

    def make_waiters(self) -> list[Any]:
        return Waiters(self)

    def lease(self, future: Future[Any], call: int) -> Any:
        return self._runner.values.leases.take(call)

    def cancel(self, call: int, settled: Callable[[], bool]) -> None:
        raise AssertionError("children cancel themselves")

    def is_running(self, call: int) -> bool:
        raise AssertionError("children know themselves")

    def park(self, parking: Parking, timeout: float | None) -> None:
        if timeout is not None:
            self._runner.alarms.set(parking, timeout)
        self._runner.park(parking)

    def new_parking(self) -> Parking | None:
        """For a wait in this fiber; None where none can be parked."""
        return Parking(getcurrent(), self._runner.ready) if self._runner.can_park() else None
