"""Which worker gets how much of the queue, and from whom a backlog is taken back.

A worker has *room* while it holds less than `AHEAD_SECONDS` of work by the estimates, and always for
one call beyond the one that it runs. Idle workers are served first, and of them the latest to fall
idle, whose caches are warm and whose processor is awake; then those with room, in turn. No worker
gets more in one go than its fair share of what waits.

When the queue is empty and a worker idles, half of what the most laden of the others has not started
is recalled, if that worker will not get to it within `ROB_SECONDS`. An estimate can be wrong, so as
long as somebody idles beside a backlog, the machine asks to be stepped again. Where there is no such
backlog, a worker in whose calls other calls were made is asked to share those.
"""

from collections import deque
from collections.abc import Mapping
from itertools import islice

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Attempt, Define, Recall, Run, Share
from elsewhere.calls.values import Value
from elsewhere.calls.workers import Stop
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.records import REMAKER, CallRecord, Turn, WorkerRecord

AHEAD_SECONDS = 0.02
"""How much work a worker holds, so that messages are few and it never waits for one."""
HELD_CALLS_MAX = 2048
HELD_BYTES_MAX = 4 * 2**20
ROB_SECONDS = 0.002
"""A backlog that its worker reaches sooner than this is left alone."""
ROB_CHECK_SECONDS = 0.005
SERVED_MAX = 256
"""How many workers one step gives calls; it asks for another step if more of them wait."""
AHEAD_INPUTS_MAX = 4
"""A call that lacks more inputs is not sent ahead of them."""
INPUTS_LOOKED_AT_MAX = 16
"""Nor is one that has more."""
NOTHING: Mapping[int, Value] = {}
VICTIMS_MAX = 16
"""How many laden workers one step looks at to find the most laden."""


def has_room(worker: WorkerRecord) -> bool:
    if worker.stuck or len(worker.held) < 2:
        return len(worker.held) < (1 if worker.stuck else 2)
    return (
        worker.ahead < AHEAD_SECONDS
        and len(worker.held) < HELD_CALLS_MAX
        and worker.held_bytes < HELD_BYTES_MAX
    )


def may_take(worker: WorkerRecord) -> bool:
    """Whether a worker that holds nothing may be given something.

    One that leaves may, while what it has begun waits: perhaps for what no other worker can run.
    """
    if worker.state is WorkerState.LEAVING:
        return bool(worker.parked) and not worker.killed
    return worker.state is WorkerState.READY


def may_follow(worker: WorkerRecord) -> bool:
    """Whether a worker may be sent calls behind what it holds, before they are ready."""
    return worker.state is WorkerState.READY and worker.tasks_left is None and bool(worker.held)


def is_leader(record: CallRecord) -> bool:
    """Whether a call may be followed by one that needs its value before it has come out."""
    return (
        record.state is CallState.ASSIGNED
        and not record.call.key
        and not record.astray
        and record.asker != REMAKER
    )


def estimate(record: CallRecord) -> float:
    """Seconds that a call is thought to take; what was never measured fills a worker."""
    seconds = record.function.seconds
    return AHEAD_SECONDS if seconds is None else seconds * record.call.items


class Dispatch:
    """The queue, and the workers by how much they can take."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self.queue: deque[CallRecord] = deque()
        """calls that wait; one that was settled while it waited is skipped when its turn comes"""
        self.idle: dict[int, WorkerRecord] = {}
        self.roomy: dict[int, WorkerRecord] = {}
        self.laden: dict[int, WorkerRecord] = {}
        """workers that hold calls which they have not started"""
        self.parents: dict[int, WorkerRecord] = {}
        """workers in which calls wait that were made inside their calls"""
        self.led: dict[int, WorkerRecord] = {}
        """workers with calls that may be sent behind what they hold"""
        self.held_back = False
        """nothing is to be handed out for now"""
        self.check_at: float | None = None
        """when to be stepped again: workers were left unserved, or idle beside a backlog"""

    @property
    def hungry(self) -> bool:
        return bool(self.idle or self.roomy)

    def update(self, worker: WorkerRecord) -> None:
        """Sort a worker in anew, after what it holds or its state has changed."""
        number = worker.id
        if not worker.held and may_take(worker):
            self.idle[number] = worker
        else:
            self.idle.pop(number, None)
        if worker.held and worker.state is WorkerState.READY and has_room(worker):
            self.roomy[number] = worker
        else:
            self.roomy.pop(number, None)
        if len(worker.held) > 1 and worker.state is not WorkerState.GONE:
            self.laden[number] = worker
        else:
            self.laden.pop(number, None)
        if worker.state is WorkerState.GONE:
            self.led.pop(number, None)
        if worker.children and worker.state is not WorkerState.GONE:
            self.parents[number] = worker
        else:
            self.parents.pop(number, None)

    def run(self, turn: Turn, now: float) -> list[WorkerRecord]:
        """Hand out what waits, recall for who idles; returns the workers that were given calls."""
        self.check_at = None
        if self.held_back:
            return []
        if self.led:
            self._send_ahead(turn)
        given = self._hand_out(turn) if self.queue else []
        if given and self.led:
            self._send_ahead(turn)  # what has just been handed out may lead, and no step may follow
        if len(given) >= SERVED_MAX and self.queue:
            self.check_at = now
        elif self.idle and not self.queue:
            robbed = self.laden and self._rob(turn, now)
            if given and any(len(worker.held) > 1 for worker in given):
                self.check_at = now  # these are sorted in only after this step
            elif self.parents and not robbed:
                self._ask_to_share(turn)
        return given

    def serve(self, worker: WorkerRecord, share: int, turn: Turn) -> None:
        """Give a worker the front of the queue, which it has asked for, as far as it has room.

        To send short calls elsewhere takes longer than to run them. Of long ones it has room for few,
        and what is too much for it is recalled.
        """
        if worker.state is WorkerState.READY:
            self._fill(worker, share, turn)

    def _hand_out(self, turn: Turn) -> list[WorkerRecord]:
        given: list[WorkerRecord] = []
        share = max(1, len(self.queue) // max(1, len(self.idle) + len(self.roomy)))
        for source in (reversed(self.idle.values()), iter(self.roomy.values())):
            for worker in list(islice(source, SERVED_MAX)):
                if not self.queue:
                    return given
                if self._fill(worker, share, turn):
                    given.append(worker)
        return given

    def _fill(self, worker: WorkerRecord, share: int, turn: Turn) -> bool:
        """Send a worker calls from the front of the queue, up to its share and its room."""
        attempts: list[Attempt] = []
        while self.queue and len(attempts) < share and has_room(worker):
            record = self.queue.popleft()
            if record.state is not CallState.QUEUED:
                continue
            if record.call.inputs and self._inputs.wait_for_lost(record):
                continue
            record.estimate = estimate(record)
            attempts.append(self._assign(record, worker, turn))
            if worker.tasks_left is not None:
                worker.tasks_left -= 1
                if worker.tasks_left <= 0:
                    break
        if not attempts:
            return False
        turn.sends.append((worker.id, Run(attempts)))
        if worker.tasks_left == 0:
            worker.become(WorkerState.LEAVING)
            turn.sends.append((worker.id, Stop()))
        # Whoever got something idles no more, and goes to the end of those with room: they take turns.
        self.idle.pop(worker.id, None)
        self.roomy.pop(worker.id, None)
        return True

    def _send_ahead(self, turn: Turn) -> None:
        """Send workers calls whose inputs come out of what they hold, as far as they have room."""
        for worker in list(islice(self.led.values(), SERVED_MAX)):
            attempts: list[Attempt] = []
            while has_room(worker) and may_follow(worker):
                record, ahead = self._next_follower(worker)
                if record is None:
                    del self.led[worker.id]
                    break
                record.estimate = estimate(record)
                attempts.append(self._assign(record, worker, turn, ahead))
            if attempts:
                turn.sends.append((worker.id, Run(attempts)))
                self.update(worker)

    def _next_follower(self, worker: WorkerRecord) -> tuple[CallRecord | None, dict[int, Value]]:
        """A call that lacks only what the worker holds, and where it finds that; None if none does."""
        while worker.followers:
            for record in worker.followers[0]:
                if record.state is CallState.WAITING and record.needs <= AHEAD_INPUTS_MAX:
                    ahead = self._find_ahead(record, worker)
                    if len(ahead) == record.needs and not self._inputs.wait_for_lost(record):
                        return record, ahead
            worker.followers.popleft()
        return None, {}

    def _find_ahead(self, record: CallRecord, worker: WorkerRecord) -> dict[int, Value]:
        """What the call lacks and the worker will have."""
        ahead: dict[int, Value] = {}
        if len(record.values) <= INPUTS_LOOKED_AT_MAX:
            for number, value in record.values.items():
                held = worker.held.get(number)
                if value is None and held is not None and is_leader(held):
                    ahead[number] = Value(number, b"", None, held.fence)
        return ahead

    def _assign(
        self,
        record: CallRecord,
        worker: WorkerRecord,
        turn: Turn,
        ahead: Mapping[int, Value] = NOTHING,
    ) -> Attempt:
        call = record.call
        record.become(CallState.ASSIGNED)
        record.worker = worker.id
        record.fence += 1
        record.due = None
        worker.take(record)
        function = record.function
        if function.number not in worker.functions:
            worker.functions.add(function.number)
            function.workers.add(worker.id)
            turn.sends.append((worker.id, Define(function.number, function.code)))
        needed = (
            bool(self._inputs.waiting) and call.id in self._inputs.waiting and is_leader(record)
        )
        if needed:
            worker.followers.append(iter(self._inputs.waiting[call.id]))
            self.led[worker.id] = worker
        return Attempt(
            call.id,
            record.fence,
            function.number,
            call.payload,
            call.kind,
            self._inputs.values_of(record, ahead),
            not call.key,
            needed,
        )

    def _rob(self, turn: Turn, now: float) -> bool:
        """Recall a part of a backlog, if there is one that is worth it."""
        candidates = [w for w in islice(self.laden.values(), VICTIMS_MAX) if not w.recalling]
        if not candidates:
            return False
        for victim in sorted(
            candidates, key=lambda w: max(w.ahead, now - w.head_since), reverse=True
        ):
            if max(victim.ahead, now - victim.head_since) <= ROB_SECONDS:
                self.check_at = now + ROB_CHECK_SECONDS
                return False
            # What was sent behind its inputs could not run elsewhere.
            movable = [(r.call.id, r.fence) for r in victim.unstarted() if not r.needs]
            if movable:
                victim.recalling = victim.stuck = True
                self.update(victim)
                turn.sends.append((victim.id, Recall(movable[: len(victim.held) // 2])))
                if len(candidates) > 1:
                    # One that its call keeps from answering must not keep the others' backlogs here.
                    self.check_at = now + ROB_CHECK_SECONDS
                return True
        return False

    def _ask_to_share(self, turn: Turn) -> None:
        candidates = [w for w in islice(self.parents.values(), VICTIMS_MAX) if not w.sharing]
        if candidates:
            parent = max(candidates, key=lambda worker: worker.children)
            parent.sharing = True
            turn.sends.append((parent.id, Share()))
