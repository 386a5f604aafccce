"""The pool in force inside a worker's calls: children run here, depth first, unless others take them.

A *child* is a call that was made inside another one. A plain one waits on the runner's stack and runs
in this worker, which costs no message. When somebody idles, the gateway asks to share, and the oldest
children, which are the largest pieces of work, are submitted to it. A child with a key or with options
is submitted at once, because the gateway is who knows of equal calls, retries and time limits.

A thread that a call has started cannot park: it runs the children that it waits for itself.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from time import monotonic
from typing import Any

from elsewhere.calls.messages import (
    NUMBERS_PER_WORKER,
    Attempt,
    Call,
    Cancel,
    Given,
    Input,
    Kind,
    Need,
    Settlement,
)
from elsewhere.calls.span import Span
from elsewhere.calls.values import Hold, Missing
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.codec.functions import Functions, to_send
from elsewhere.codec.labels import describe
from elsewhere.codec.references import dumps_with_inputs
from elsewhere.codec.values import dumps, too_large
from elsewhere.errors import NotPicklable
from elsewhere.finished import failed_future
from elsewhere.future import Future
from elsewhere.in_force import OfValues
from elsewhere.names import Name, name_of
from elsewhere.placed import Holder
from elsewhere.plans.plan import plan_of
from elsewhere.sought import Sought
from elsewhere.tasks import task_of
from elsewhere.worker.backlog import Backlog
from elsewhere.worker.child import PLAIN, Child
from elsewhere.worker.control import Root
from elsewhere.worker.fibers import getcurrent
from elsewhere.worker.parking import Parking
from elsewhere.worker.post import Post
from elsewhere.worker.puts import InnerPuts
from elsewhere.worker.runner import Runner
from elsewhere.worker.waiters import Waiters

_NO_NAME = Name(b"", "", b"")
SHARED_MAX = 1024
"""How many children are given away at once."""
CANCEL_SECONDS = 0.05
"""How long `Future.cancel` waits for the gateway to agree."""
LOOK_SECONDS = 0.0005
"""How often it looks for the answer."""
IMPATIENT_SECONDS = 0.5
"""For how long nobody waits for such answers after one has not come."""


class InnerPool:
    """The children of one worker: `elsewhere.in_force.Caller`, and the settler of their futures."""

    def __init__(self, runner: Runner, post: Post, worker: int) -> None:
        self.worker = worker
        self._runner = runner
        self._post = post
        first = worker * NUMBERS_PER_WORKER + 1
        self._numbers = count(first)
        self._functions = Functions(post.outgoing.append, first, runner.editions)
        self._asked: dict[int, Child] = {}
        """by number: children that were submitted and are not settled"""
        self._sought: Sought[Future[Any]] = Sought()
        self._backlog = Backlog(runner, post)
        self._patient_from = 0.0
        """when answers to cancels are waited for again"""
        self._detached = Root(Attempt(0, 0, 0, b"", Kind.CALL))
        self._detached.open = False
        self.finish = runner.finish
        self._puts = InnerPuts(self, runner.values, post, self._numbers, worker)
        self.settlement_of = self._puts.settlement_of
        self.note = self._note if runner.notes_calls else None
        runner.values.settler = self
        post.on_share, post.on_answer, post.on_need = self.share, self.answer, self.give
        runner.interrupts.on_interrupt = self.stop_children

    # ------------------------------------------------------------ calls

    def spawn(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        """Call ``function(*args, **kwargs)``, here or elsewhere."""
        if not callable(function):
            raise TypeError(f"the first argument must be callable, not {function!r}")
        if type(function) is partial:
            from elsewhere.partials import unfold  # only who uses them pays for it

            function, args, kwargs = unfold(function, args, kwargs)
        task = task_of(function)
        try:
            if task is not None and task.pure:
                payload, futures = dumps_with_inputs(args, kwargs, self, dumps)
                if futures:  # it has a key where it has their values
                    payload, futures = self._puts.encode_arguments(args, kwargs)
                    function, task = OfValues(function), None
            else:
                payload, futures = self._puts.encode_arguments(args, kwargs)
            if len(payload) > PAYLOAD_BYTES_MAX:
                raise too_large("the arguments", len(payload))
            child = self._make(function, payload, futures)
            if task is None and not _needs_node(function):
                self._runner.stack.append(child)
            elif task is None:
                self.submit(child)
            elif task.pure:
                child.options = task.options
                self.submit(child, name_of(function, args, kwargs))
            elif task.options == PLAIN and not _needs_node(task.function):
                self._runner.stack.append(child)
            else:
                child.options = task.options
                self.submit(child)
        except TypeError as error:
            # NotPicklable, NoKey, or what the function says of its arguments.
            return failed_future(error, self)
        return child

    def _make(
        self, function: Callable[..., Any], payload: bytes, inputs: Sequence[Future[Any]]
    ) -> Child:
        child = Child(function, payload, self._runner.own_root() or self._detached, self)
        if inputs:
            child.inputs = inputs
        if self.note is not None:
            child.asked, child.argument_bytes = monotonic(), len(payload)
        return child

    def spawn_each(
        self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]
    ) -> Iterator[Future[Any]]:
        """Call ``function(*item)`` for each of `items`."""
        return (self.spawn(function, item, {}) for item in items)

    def store(self) -> None:
        """The store is the client's."""
        return

    def submit(self, child: Child, name: Name = _NO_NAME) -> bool:
        """Make a child the gateway's; False if somebody else has it, or if it was set aside.

        From either thread. Raises `NotPicklable`, and has done nothing then.
        """
        encoded = self._functions.encode(to_send(child.callee))
        inputs = child.inputs_elsewhere()
        payload = None if inputs is None else child.take()
        if inputs is None or payload is None:
            return False
        child.encoded = encoded  # so that it lives as long
        child._timeout = child.options.timeout
        child.number = number = next(self._numbers)
        self._asked[number] = child
        parent = child.root.attempt.call
        self._post.outgoing.append(
            Call(
                number,
                encoded.number,
                payload,
                child.options,
                key=name.key,
                parent=parent,
                label=name.label,
                parts=name.parts,
                inputs=inputs,
            )
        )
        return True

    def put_first(self, child: Child) -> None:
        """It is what this worker runs next. From any thread."""
        stack = self._runner.stack
        try:
            if stack[-1] is child:
                return
        except IndexError:
            pass  # there is none, or the other thread has just given it away
        stack.append(child)

    def share(self) -> None:
        """Submit about half of the children that wait, the oldest first. From either thread.

        One that lacks an input is set aside meanwhile: elsewhere it could not run either. The only
        child is kept if this worker comes to it next.
        """
        stack = self._runner.stack
        busy = self._runner.current is not None
        wanted = min((len(stack) + busy) // 2, SHARED_MAX)
        kept: list[Any] = []
        while wanted and stack:
            try:
                child: Any = stack.popleft()
            except IndexError:
                break  # the main thread has just begun it
            if child.root.interrupted:
                if child.take() is not None:
                    child.drop()
                continue
            if not child.waits_here:
                continue
            lacking = child.lacking()
            if lacking is not None:
                child.set_aside(lacking)
                continue
            try:
                wanted -= self.submit(child)
            except NotPicklable:
                kept.append(child)
        stack.extendleft(reversed(kept))
        self._runner.tell_stack(asked=True)
        self._post.flush()

    def _note(self, child: Child, settlement: Settlement) -> None:
        """A child has come out. From either thread."""
        size = settlement.nbytes
        mapped = 0 if settlement.place is None else size
        self._post.outgoing.append(
            Span(
                describe(child.callee),
                settlement.worker,
                settlement.started,
                settlement.elapsed,
                1,
                settlement.verdict,
                call=child.number,
                asked=child.asked,
                argument_bytes=child.argument_bytes,
                result_bytes=size,
                sent_bytes=child.argument_bytes + size - mapped if child.number else 0,
                mapped_bytes=mapped,
                parent=child.root.attempt.call,
            )
        )

    def answer(self, settlements: list[Settlement]) -> None:
        """Submitted children have come out. From either thread."""
        values = self._runner.values
        kept = [values.leases.take(one.kept_as) for one in settlements if one.kept_as]
        for settlement in settlements:
            self._answer_one(settlement)
        del kept  # not before all that have a part in one value know of it

    def _answer_one(self, settlement: Settlement) -> None:
        child = self._asked.pop(settlement.call, None)
        if child is not None:
            child.brought = True
            child.end(settlement.as_kept())
            return
        again = self._sought.found(settlement.call)
        if again is not None:
            again.settle(settlement.as_kept())
            again.run_callbacks()

    def give(self, need: Need) -> None:
        """The gateway has forgotten inputs of a child, because they are settled. From either thread."""
        child = self._asked.get(need.call)
        needed = set(need.inputs)
        for future in () if child is None else child.inputs:
            number = future.number if isinstance(future, Child) else 0
            if number in needed:
                tell = partial(self._give, need.call, number, future)
                # Its answer came before, unless the other thread submits it just now.
                future.wake_when_settled(tell)
                if future.is_settled():
                    tell()

    def _give(self, call: int, number: int, future: Future[Any], _: object = None) -> None:
        self._post.outgoing.append(Given(call, (Input(number, future.outcome()),)))

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
            self._backlog.wait(future, timeout)
            return True
        if isinstance(future, Child) and future.waits_here:
            self.put_first(future)
        parking = Parking(getcurrent(), self._runner.ready)
        future.wake_when_settled(parking.wake)
        if future.is_settled() and not parking.over:
            parking.over = True
            return True
        if timeout is not None:
            self._runner.alarms.set(parking, timeout)
        self._runner.park(parking)
        return True

    def run_backlog(self) -> None:
        """In a thread that waits: begin what the main thread does not come to, if that stands still."""
        self._backlog.run()

    def make_waiters(self) -> list[Any]:
        return Waiters(self)

    def lease(self, holder: Holder, call: int) -> Any:
        lease = self._runner.values.leases.take(call)
        if isinstance(holder, Future) and holder.is_returned:
            self._post.outgoing.append(Hold([call]))  # what it came in may go now
        return lease

    def ask_again(
        self, missing: Missing, again: Future[Any], share: Callable[[Future[Any]], Future[Any]]
    ) -> Future[Any] | None:
        if self.in_coroutine:
            return None  # which must not wait by blocking
        shared = self._sought.seek(missing.call, again, share)
        if shared is again:
            self._post.post(missing)
        return shared

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


def _needs_node(function: Callable[..., Any]) -> bool:
    """Whether it needs what is made once for all workers of a node, and so does not run in this one."""
    plan = plan_of(function)
    return plan is not None and bool(plan.node_needs())
