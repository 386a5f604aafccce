"""Calls that are sent behind those that make their inputs, before these have come out.

They find them in the worker, and a chain of short calls costs no round trip for each.
"""

from itertools import islice

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Kind
from elsewhere.calls.values import Value
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.placer import Placer
from elsewhere.gateway.records import CLIENT, REMAKER, CallRecord, WorkerRecord
from elsewhere.gateway.room import is_leader

AHEAD_INPUTS_MAX = 4
"""A call that lacks more inputs is not sent ahead of them."""
INPUTS_LOOKED_AT_MAX = 16
"""Nor is one that has more."""
HEIRS_MAX = 8
"""So many calls in a row are given what the one before them makes, even if the worker has no room."""
HANDS_ON_SECONDS_MAX = 1.0
"""A call that takes longer does not hand its value on: to write it down is little beside that, and to make it
again, should the worker die, is much."""
EXPECTING_BYTES_MIN = 2**21
"""It is not worth waiting for the heir of a smaller value."""
LOOKS_MAX = 2048
"""How many calls that wait for what workers hold one step looks at; it asks for another step if there
are more."""


class Followers:
    """Which calls may follow what a worker holds."""

    def __init__(self, inputs: Inputs, placer: Placer) -> None:
        self._inputs = inputs
        self._placer = placer
        self.led: dict[int, WorkerRecord] = {}
        """workers with calls that may be sent behind what they hold"""
        self.looks_left = 0
        """at how many calls this step may still look"""

    def lead(self, worker: WorkerRecord, record: CallRecord) -> bool:
        """A worker is given a call. Returns whether others wait for it that may be sent behind it."""
        waiting = self._inputs.waiting
        if not (waiting and record.call.id in waiting and is_leader(record)):
            return False
        worker.followers.append(iter(waiting[record.call.id]))
        self.led[worker.id] = worker
        return True

    def next_of(self, worker: WorkerRecord) -> tuple[CallRecord | None, dict[int, Value]]:
        """A call that lacks only what the worker holds, and where it finds that; None if none does,
        or none of those that this step may still look at."""
        while worker.followers:
            for record in islice(worker.followers[0], self.looks_left):
                self.looks_left -= 1
                if record.state is CallState.WAITING and record.needs <= AHEAD_INPUTS_MAX:
                    ahead = self._find_ahead(record, worker)
                    if (
                        len(ahead) == record.needs
                        and not self._moves(record, worker)
                        and _is_near(record, worker)
                        and not self._inputs.wait_for_lost(record)
                    ):
                        return record, ahead
            if not self.looks_left:
                break
            worker.followers.popleft()
        return None, {}

    def heir(self, record: CallRecord, worker: WorkerRecord) -> CallRecord | None:
        """The one call that needs the value of this one, which the worker is about to be given; None if
        others need it too, or if it cannot be sent right behind it.

        It is not to be tried again, for then the value would have to be made again, too.
        """
        waiting = self._inputs.waiting.get(record.call.id, ())
        if len(waiting) != 1 or not _hands_on(record):
            return None
        heir = waiting[0]
        fits = (
            worker.state is WorkerState.READY
            and worker.tasks_left is None
            and heir.state is CallState.WAITING
            and heir.needs == 1
            and heir.call.kind is Kind.CALL
            and not (heir.call.options.retries or heir.call.options.fork)
            and len(heir.call.inputs) <= INPUTS_LOOKED_AT_MAX
            and not self._moves(heir, worker)
            and _is_near(heir, worker)
            and not self._inputs.wait_for_lost(heir)
        )
        return heir if fits else None

    def expects_heir(self, record: CallRecord, worker: WorkerRecord) -> bool:
        """Whether it may be known soon which one call needs the value of this one.

        The last of its function was large, and the client had let go of it when it came out. So the worker
        is sent nothing behind the call but the next one, that those may be sent along which are handed
        something.
        """
        return (
            record.function.let_go_bytes >= EXPECTING_BYTES_MIN
            and not record.waived
            and record.asker == CLIENT
            and _may_hand_on(record)
            and not self._placer.every_call
            and worker.tasks_left is None
            and len(self._inputs.waiting.get(record.call.id, ())) <= 1
            # What waits for a worker near its inputs must not be sent to another for want of room.
            and not (self._placer.is_spread and self._placer.inputs_on_nodes(record))
        )

    def _find_ahead(self, record: CallRecord, worker: WorkerRecord) -> dict[int, Value]:
        """What the call lacks and the worker will have."""
        ahead: dict[int, Value] = {}
        if len(record.call.inputs) <= INPUTS_LOOKED_AT_MAX:
            for number in (one.call for one in record.call.inputs):
                held = worker.held.get(number)
                if record.values.get(number) is None and held is not None and is_leader(held):
                    ahead[number] = Value(number, b"", None, held.fence)
        return ahead

    def _moves(self, record: CallRecord, worker: WorkerRecord) -> bool:
        """Whether an input that is there lies on another node: then its place is not decided yet."""
        return self._placer.is_spread and self._placer.moves(record, worker)


def _hands_on(record: CallRecord) -> bool:
    """Whether a call may give its value to the one behind it, and to nobody else."""
    return record.waived and _may_hand_on(record)


def _may_hand_on(record: CallRecord) -> bool:
    call, seconds = record.call, record.function.seconds
    return (
        seconds is not None
        and seconds <= HANDS_ON_SECONDS_MAX
        and not (call.key or record.astray or call.options.fork)
        and record.asker != REMAKER
        and call.kind is Kind.CALL
    )


def _is_near(record: CallRecord, worker: WorkerRecord) -> bool:
    """Whether the worker has what the call needs, or makes it anyhow."""
    kit = record.function.kit
    return kit is None or kit.is_near(worker.id, worker.resources)
