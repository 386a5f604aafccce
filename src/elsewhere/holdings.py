"""What a client has of values: those it puts, those its futures stand for, those its calls are given.

A value that lies in a segment stays there while a future of it lives here, or anything that was made
of it. The gateway forgets a call once it is settled; what it then needs to know of an input, the
futures that are kept here tell.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import RLock, Thread
from typing import TYPE_CHECKING, Any
from weakref import ref

from elsewhere.calls.messages import Call, Given, Input, Need, Settlement, Submit, ToGateway
from elsewhere.calls.values import Drop, Free, Hold, Moved, Place, Spill, Waive
from elsewhere.future import Future
from elsewhere.gateway.values import Values
from elsewhere.pending import Pending, Relay
from elsewhere.placed import Holder
from elsewhere.reports import report_briefly
from elsewhere.sought import Sought
from elsewhere.unheld import Releasable, release

if TYPE_CHECKING:
    from elsewhere.segments.reading import Lease, Leases
    from elsewhere.segments.writing import Segments


class Holdings:
    """`note` takes messages for the machine, `post` has it look at once. `look_soon` has somebody ask
    `leases` soon, and again while there are any.

    `look` calls what looks at the books of the machine, and gives what that returns. `free_bytes_max`: how
    much of what nobody needs is kept to be used again.
    """

    def __init__(
        self,
        directory: str,
        free_bytes_max: int,
        note: Callable[[ToGateway], None],
        post: Callable[[ToGateway], None],
        look_soon: Callable[[], None],
        look: Callable[[Callable[[Values], Any]], Any],
    ) -> None:
        self._directory = directory
        self._free_bytes_max = free_bytes_max
        self._look = look
        self._note = note
        self._post = post
        self._look_soon = look_soon
        self._inputs: dict[int, tuple[Sequence[Input], Sequence[Future[Any]]]] = {}
        """by call: its inputs, and their futures, which live as long as it may need them"""
        self._needs: deque[Need] = deque()
        """what the machine wants to know, and was not told yet"""
        self._asked: set[int] = set()
        """calls that are not settled and of which it wanted to know that"""
        self._forsaken: deque[ref[Releasable]] = deque()
        """futures that were gone before their calls had come out"""
        self.sought: Sought[Future[Any]] = Sought()
        self._placed: set[ref[Holder]] = set()
        """those whose values lie in segments, each for itself: several may have the same value. Not a
        WeakSet, because a Ctrl-C is lost that comes in where that removes what is gone"""
        self._gone: deque[ref[Holder]] = deque()
        """of these, those that are gone"""
        self._opening = RLock()
        self._segments: Segments | None = None
        self.leases: Leases | None = None
        """None: nothing lies in a segment"""
        self._spills: SimpleQueue[Spill | None] = SimpleQueue()
        """None: there will be no more"""
        self._spiller: Thread | None = None
        self._ended = False

    # ------------------------------------------------------------ inputs

    def give(self, call: Call, futures: Sequence[Future[Any]]) -> None:
        """These futures are the inputs of a call."""
        self._inputs[call.id] = call.inputs, futures

    def settled(self, call: int) -> None:
        """A call has come out, and needs its inputs no more."""
        if self._inputs:
            self._inputs.pop(call, None)
            self._asked.discard(call)
        self.sought.found(call)

    def was_told(self, message: ToGateway, pending: dict[int, Pending]) -> None:
        """The machine knows of these calls and of their inputs, but for those that it has asked for: their
        futures need be kept no longer than somebody uses them. Nobody may step the machine meanwhile."""
        if isinstance(message, Submit) and self._inputs:
            for call in message.calls:
                if call.inputs and call.id not in self._asked:
                    self._release_inputs(call, pending)
            self._waive_forsaken()

    def _release_inputs(self, call: Call, pending: dict[int, Pending]) -> None:
        inputs, futures = self._inputs.pop(call.id, ((), ()))
        for one, future in zip(inputs, futures, strict=True):
            waits = pending.get(one.call)
            if waits is future:
                pending[one.call] = release(future, one.call, self._forsaken.append)
            elif isinstance(waits, Relay) and waits.pending is future:
                waits.pending = release(future, one.call, self._forsaken.append)

    def _waive_forsaken(self) -> None:
        calls = []
        while self._forsaken:
            gone: Any = self._forsaken.popleft()  # an `Unheld`
            calls.append(gone.call)
        if calls:
            self._note(Waive(calls))

    def need(self, message: Need) -> None:
        """The machine has forgotten inputs. It is told by `tell`, once nobody steps it."""
        self._asked.add(message.call)
        self._needs.append(message)

    def tell(self) -> None:
        """Tell the machine what it needs."""
        while self._needs:
            need = self._needs.popleft()
            inputs, futures = self._inputs.get(need.call, ((), ()))
            needed = set(need.inputs)
            for one, future in zip(inputs, futures, strict=True):
                if one.call in needed:
                    # Another thread may be about to settle it.
                    future.wake_when_settled(partial(self._tell_later, need.call, one.call, future))
                    if future.is_settled():
                        self._note(_given(need.call, one.call, future))

    def _tell_later(self, call: int, number: int, future: Future[Any], _: object) -> None:
        self._post(_given(call, number, future))

    # ------------------------------------------------------------ values in segments

    def lease(self, holder: Holder, call: int) -> "Lease":
        """As `Settler.lease`."""
        self._forget_gone()
        self._placed.add(ref(holder, self._gone.append))
        lease = self.take(call)
        if isinstance(holder, Future) and holder.is_returned:
            self._post(Hold([call]))  # what it came in may go now
        self._look_soon()
        return lease

    def take(self, call: int) -> "Lease":
        """The lease of a call, which has a value in a segment."""
        leases = self.leases
        if leases is None:
            from elsewhere.segments.reading import Leases

            with self._opening:  # two sets of leases would drop what the other one has
                leases = self.leases = self.leases or Leases(self._drop)
        return leases.take(call)

    def take_all(self, settlements: Iterable[Settlement]) -> "list[Lease]":
        """The leases of what is about to be settled, and of which there may be no future any more."""
        placed = [one for one in settlements if one.place is not None and not one.place.handed_on]
        if placed:
            self._look_soon()
        return [self.take(one.kept_as or one.call) for one in placed]

    def tell_gone(self) -> None:
        """Say what was let go, of which nobody else tells. The machine must not be stepped meanwhile."""
        self._waive_forsaken()
        if self.leases is not None:
            self.leases.tell_gone()

    def _drop(self, calls: list[int]) -> None:
        self._note(Drop(calls))
        self._forget_gone()

    def _forget_gone(self) -> None:
        with suppress(IndexError):  # another thread may do so, too
            while self._gone:
                self._placed.discard(self._gone.popleft())

    def free(self, message: Free) -> None:
        """Nobody needs what lies in these places."""
        self._open_segments().free(message.places, reusable=message.reusable)

    def remove_unneeded(self, worker: int, kept: Container[str]) -> None:
        """A worker is gone, and with it the books of what it would have used again."""
        if self._directory:
            from elsewhere.segments.directory import remove_segments

            remove_segments(self._directory, worker, kept)

    def spill(self, message: Spill) -> None:
        """Move a value to a disk, in a thread of its own."""
        self._spills.put(message)
        if self._spiller is None:
            self._spiller = Thread(target=self._move, name="elsewhere-spiller", daemon=True)
            self._spiller.start()

    def _move(self) -> None:
        from elsewhere.segments.moving import move_to_disk  # few pools move anything

        while (message := self._spills.get()) is not None and not self._ended:
            if not self._is_needed(message.call):
                # It was let go since, which makes more room than to move it, and sooner.
                self._post(Moved(message.call, message.place, done=False))
                continue
            try:
                move_to_disk(message.place.path)
            except OSError as error:
                report_briefly("a value was not moved to a disk, and stays in memory", error)
                self._post(Moved(message.call, message.place, done=False))
            else:
                if self._segments is not None:
                    self._segments.unmap([message.place])
                self._post(Moved(message.call, message.place, done=True))

    def put(self, parts: Sequence[memoryview], name: str) -> Place:
        """Write a value, which `name` calls by name. Raises `NotPicklable` where there is no room."""
        return self._open_segments().write(parts, name)

    def _open_segments(self) -> "Segments":
        """Those that this process writes."""
        segments = self._segments
        if segments is None:
            from elsewhere.segments.writing import Segments

            with self._opening:  # two of these would write to the same files
                segments = self._segments = self._segments or Segments(
                    self._directory, 0, self._free_bytes_max, self._room
                )
        return segments

    def end(self) -> None:
        """The pool ends, and its segments go: let who has a value of one map it."""
        self._ended = True
        if self._spiller is not None:
            self._spills.put(None)
            self._spiller.join()
        # One atomic copy: other threads may be settling futures.
        for reference in list(self._placed):
            holder = reference()
            if holder is not None:
                holder.keep()
                if isinstance(holder, Future):
                    holder.keep_inside(self._reached_from)

    def _reached_from(self, call: int) -> dict[int, Place]:
        found: dict[int, Place] = self._look(lambda values: values.reached_from([call]))
        return found

    def _is_needed(self, call: int) -> bool:
        return bool(self._look(lambda values: values.is_needed(call)))

    def _room(self) -> float:
        """How much memory values may take besides those that are there."""
        return float(self._look(lambda values: values.room))


def _given(call: int, number: int, future: Future[Any]) -> Given:
    return Given(call, (Input(number, future.outcome()),))
