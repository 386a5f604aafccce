"""Which worker gets how much of the queue, and from whom a backlog is taken back.

A worker has *room* while it holds less than `AHEAD_SECONDS` of work by the estimates, of which no call
expects an heir (see `followers`), and always for one call beyond the one that it runs. Idle workers
are served first, and of them the latest to fall idle, whose caches are warm and whose processor is
awake; then those with room, in turn. No worker gets more in one go than its fair share of what waits.

When the queue is empty and a worker idles, half of what the most laden of the others has not started
is recalled, if that worker will not get to it within `ROB_SECONDS`. An estimate can be wrong, so as
long as somebody idles beside a backlog, the machine asks to be stepped again. Where there is no such
backlog, a worker in whose calls other calls were made is asked to share those.

So workers take from the queue. Calls whose inputs lie on nodes, and all calls if the placement policy
wants that, are dealt out instead: for each the policy is asked which of those with room is given it.
Calls that need what workers keep do not wait in the queue but in lines (see `warmth`).
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Attempt, Recall, Run, Share, Verdict
from elsewhere.calls.workers import Stop
from elsewhere.errors import PlacementError
from elsewhere.gateway.assigning import Assigning
from elsewhere.gateway.builds import Builds
from elsewhere.gateway.followers import LOOKS_MAX, Followers
from elsewhere.gateway.ledger import Ledger
from elsewhere.gateway.placement import Placement
from elsewhere.gateway.placer import Placer
from elsewhere.gateway.records import CallRecord, Turn, WorkerRecord
from elsewhere.gateway.room import (
    HELD_CALLS_MAX,
    can_take,
    estimate,
    has_room,
    may_follow,
    may_take,
)
from elsewhere.gateway.values import ValueRecord
from elsewhere.gateway.waiting import Waiting
from elsewhere.gateway.warmth import Warmth

ROB_SECONDS = 0.002
"""A backlog that its worker reaches sooner than this is left alone."""
ROB_CHECK_SECONDS = 0.005
SERVED_MAX = 256
"""How many workers one step gives calls; it asks for another step if more of them wait."""
CANDIDATES_MAX = 64
"""So many workers with room the policy is offered, and those that have made inputs."""
PLACED_MAX = 1024
"""For so many calls one step asks the policy; it asks for another step if more of them wait."""
ASIDE_MAX = 16
"""So many calls at the front of the queue may wait for the node of their inputs."""
VICTIMS_MAX = 16
"""How many laden workers one step looks at to find the most laden."""
THIEVES_MAX = 4
"""For how many idle workers one step looks at whether inputs are worth moving to them."""


class Dispatch:
    """The queue, and the workers by how much they can take."""

    def __init__(self, ledger: Ledger, workers: dict[int, WorkerRecord], policy: Placement) -> None:
        self._ledger = ledger
        self._inputs = ledger.inputs
        self._workers = workers
        builds = Builds(workers)
        self.placer = Placer(policy, ledger.values, workers, builds)
        self.followers = Followers(ledger.inputs, self.placer)
        self._assigning = Assigning(ledger.inputs, self.followers, self.placer)
        self.waiting = Waiting(ledger.kits, only_warming=policy.every_call)
        self.queue, self.lines = self.waiting.queue, self.waiting.lines
        self._lined = self.lines.by_kit
        self.idle: dict[int, WorkerRecord] = {}
        self.roomy: dict[int, WorkerRecord] = {}
        self.laden: dict[int, WorkerRecord] = {}
        """workers that hold calls which they have not started"""
        self.parents: dict[int, WorkerRecord] = {}
        """workers in which calls wait that were made inside their calls"""
        self.held_back = False
        """nothing is to be handed out for now"""
        self.check_at: float | None = None
        """when to be stepped again: workers were left unserved, or idle beside a backlog"""
        self._batches: dict[int, list[Attempt]] = {}
        """by worker: what it is given in this step"""
        self._placed = 0
        """for how many calls the policy was asked in this step"""
        self.aside: list[CallRecord] = []
        """calls that wait for a worker without room, because to move their inputs takes longer"""
        self._waits: dict[int, float] = {}
        """by worker: how long these are thought to take"""
        self.warmth = Warmth(
            self.lines, builds, self.placer, ledger.inputs, workers, self.idle, self.roomy
        )
        self._lines_first = False
        """the lines come before the queue: in turn, so that neither starves the other"""

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
            self.followers.led.pop(number, None)
        if worker.children and worker.state is not WorkerState.GONE:
            self.parents[number] = worker
        else:
            self.parents.pop(number, None)

    def run(self, turn: Turn, now: float) -> list[WorkerRecord]:
        """Hand out what waits, recall for who idles; returns the workers that were given calls."""
        self.check_at = None
        self.aside = []
        if self.held_back:
            return []
        led = self.followers.led
        self.followers.looks_left = LOOKS_MAX
        if led:
            self._send_ahead(turn)
        given = self._hand_out(turn, now) if self.queue or self._lined else []
        if given and led:
            self._send_ahead(turn)  # what has just been handed out may lead, and no step may follow
        unserved = len(given) >= SERVED_MAX and self.queue
        if unserved or (led and not self.followers.looks_left) or self._inputs.untold:
            self.check_at = now  # there may be more to hand out
        elif self.idle and len(self.queue) == len(self.aside):
            if self.aside:
                self.check_at = now + ROB_CHECK_SECONDS  # waiting may take longer than was thought
            robbed = self.laden and self._rob(turn, now)
            if given and any(len(worker.held) > 1 for worker in given):
                self.check_at = now  # these are sorted in only after this step
            elif self.parents and not robbed:
                self._ask_to_share(turn)
        if self.warmth.look_at is not None:
            self.check_at = self.warmth.take_look_at(self.check_at)
        return given

    def serve(self, worker: WorkerRecord, share: int, turn: Turn, now: float) -> list[WorkerRecord]:
        """Give a worker the front of the queue, which it has asked for, as far as it has room.

        To send short calls elsewhere takes longer than to run them. Of long ones it has room for few,
        and what is too much for it is recalled. Returns the workers that were given calls.
        """
        if worker.state is WorkerState.READY and not self.placer.every_call:
            self._fill(worker, share, turn, now)
        return self._send_batches(turn)

    def _hand_out(self, turn: Turn, now: float) -> list[WorkerRecord]:
        if self._lined:
            self._lines_first = not self._lines_first
            if self._lines_first:
                self._serve_lines(turn, now)
        if self.placer.every_call:
            self._deal_out(turn, now)
        else:
            self._share_out(turn, now)
        if self._lined and not self._lines_first:
            self._serve_lines(turn, now)
        return self._send_batches(turn)

    def _serve_lines(self, turn: Turn, now: float) -> None:
        for record, worker in self.warmth.picks(now):
            self._give(record, worker, turn)

    def _share_out(self, turn: Turn, now: float) -> None:
        share = max(1, len(self.queue) // max(1, len(self.idle) + len(self.roomy)))
        idle = list(islice(reversed(self.idle.values()), SERVED_MAX))
        for worker in chain(idle, list(islice(self.roomy.values(), SERVED_MAX))):
            if not self.queue:
                break
            # What others would have begun with may have been placed here meanwhile.
            if can_take(worker):
                self._fill(worker, share, turn, now)

    def _fill(self, worker: WorkerRecord, share: int, turn: Turn, now: float) -> None:
        """Give a worker calls from the front of the queue, up to its share and its room."""
        attempts = self._batches.setdefault(worker.id, [])
        while self.queue and len(attempts) < share and has_room(worker):
            record = self.queue.popleft()
            if record.state is not CallState.QUEUED:
                continue
            if record.call.inputs and self._inputs.wait_for_lost(record):
                continue
            record.estimate = estimate(record)
            if record.call.inputs and (inputs := self.placer.inputs_on_nodes(record)):
                if not self._may_place(record, now):
                    break
                self._place(record, inputs, turn, now)
            else:
                attempts += self._assigning.assign(record, worker, turn)
            if worker.tasks_left is not None and not can_take(worker):
                break
        # Whoever got something idles no more, and goes to the end of those with room: they take turns.
        if attempts:
            self.idle.pop(worker.id, None)
            self.roomy.pop(worker.id, None)

    def _send_batches(self, turn: Turn) -> list[WorkerRecord]:
        """Send what workers were given in this step, to each at once; returns these workers."""
        given: list[WorkerRecord] = []
        for number, attempts in self._batches.items():
            if attempts:
                worker = self._workers[number]
                given.append(worker)
                turn.sends.append((number, Run(attempts)))
                if worker.tasks_left == 0:
                    turn.sends.append((number, Stop()))
        self._batches = {}
        self._placed = 0
        if self.aside:
            self.queue.extendleft(reversed(self.aside))
            self._waits.clear()
        return given

    # ------------------------------------------------------------ by the policy

    def _deal_out(self, turn: Turn, now: float) -> None:
        """Place each call from the front of the queue, while anybody has room."""
        while self.queue and self.hungry:
            record = self.queue.popleft()
            if record.state is not CallState.QUEUED:
                continue
            if record.call.inputs and self._inputs.wait_for_lost(record):
                continue
            if not self._may_place(record, now):
                return
            record.estimate = estimate(record)
            self._place(record, self.placer.inputs_on_nodes(record), turn, now)

    def _may_place(self, record: CallRecord, now: float) -> bool:
        """Whether this step may ask the policy once more; if not, the call waits for the next one."""
        self._placed += 1
        if self._placed <= PLACED_MAX:
            return True
        self.queue.appendleft(record)
        self.check_at = now
        return False

    def _place(
        self,
        record: CallRecord,
        inputs: Sequence[ValueRecord],
        turn: Turn,
        now: float,
    ) -> None:
        """Give a call to whom the policy names of those with room, of whom there is one at least."""
        makers = [worker for worker in self.placer.makers(inputs) if can_take(worker)]
        hungry = islice(chain(reversed(self.idle.values()), self.roomy.values()), CANDIDATES_MAX)
        candidates = {worker.id: worker for worker in chain(makers, hungry)}
        if self._is_set_aside(record, inputs, candidates.values(), now):
            return
        try:
            worker = self.placer.choose(record, inputs, candidates.values(), now)
        except PlacementError as error:
            said = error.did.encode("utf-8", "backslashreplace")
            self._ledger.settle(record, Verdict.MISPLACED, said)
            return
        self._give(record, worker, turn)

    def _give(self, record: CallRecord, worker: WorkerRecord, turn: Turn) -> None:
        self._batches.setdefault(worker.id, []).extend(self._assigning.assign(record, worker, turn))
        self.idle.pop(worker.id, None)
        if can_take(worker):
            self.roomy[worker.id] = worker
        else:
            self.roomy.pop(worker.id, None)

    def _is_set_aside(
        self,
        record: CallRecord,
        inputs: Sequence[ValueRecord],
        hungry: Iterable[WorkerRecord],
        now: float,
    ) -> bool:
        """Whether to wait for a worker that has no room takes less time than to move the inputs.

        What is set aside is first in the queue again after this step.
        """
        if self.placer.every_call or not self.placer.is_spread or len(self.aside) >= ASIDE_MAX:
            return False
        worker = self.placer.worth_waiting_for(inputs, hungry, self._waits, now)
        if worker is None:
            return False
        self.aside.append(record)
        self._waits[worker.id] = self._waits.get(worker.id, 0.0) + record.estimate
        return True

    # ------------------------------------------------------------ ahead of inputs

    def _send_ahead(self, turn: Turn) -> None:
        """Send workers calls whose inputs come out of what they hold, as far as they have room."""
        for worker in list(islice(self.followers.led.values(), SERVED_MAX)):
            attempts: list[Attempt] = []
            while has_room(worker) and may_follow(worker):
                record, ahead = self.followers.next_of(worker)
                if record is None:
                    if self.followers.looks_left:
                        del self.followers.led[worker.id]
                    break
                record.estimate = estimate(record)
                attempts += self._assigning.assign(record, worker, turn, ahead)
            if attempts:
                turn.sends.append((worker.id, Run(attempts)))
                self.update(worker)

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
            if now < victim.tied_until:
                self.check_at = victim.tied_until
                continue
            # What was sent behind its inputs could not run elsewhere.
            backlog = [r for r in victim.unstarted() if not r.needs]
            if not backlog:
                # Beside a long chain this is so at every step, and the longer, the longer it takes to see.
                victim.tied_until = now + ROB_CHECK_SECONDS * len(victim.held) / HELD_CALLS_MAX
                continue
            idle = list(islice(self.idle.values(), THIEVES_MAX))
            if self._ledger.kits.kits:
                backlog = [r for r in backlog if self.warmth.is_worth_moving(r, victim, idle, now)]
            movable = [(r.call.id, r.fence) for r in self._worth_moving(backlog, victim, idle, now)]
            if len(movable) < len(backlog):
                self.check_at = now + ROB_CHECK_SECONDS  # the longer it takes, the more is worth it
            if movable:
                victim.recalling = victim.stuck = True
                self.update(victim)
                turn.sends.append((victim.id, Recall(movable[: len(victim.held) // 2])))
                if len(candidates) > 1:
                    # One that its call keeps from answering must not keep the others' backlogs here.
                    self.check_at = now + ROB_CHECK_SECONDS
                return True
        return False

    def _worth_moving(
        self,
        backlog: list[CallRecord],
        victim: WorkerRecord,
        idle: list[WorkerRecord],
        now: float,
    ) -> list[CallRecord]:
        """Those for which moving their inputs to who idles costs less than waiting."""
        if self.placer.every_call or not self.placer.is_spread:
            return backlog
        return [r for r in backlog if not self.placer.stays(r, victim, idle, now)]

    def _ask_to_share(self, turn: Turn) -> None:
        candidates = [w for w in islice(self.parents.values(), VICTIMS_MAX) if not w.sharing]
        if candidates:
            parent = max(candidates, key=lambda worker: worker.children)
            parent.sharing = True
            turn.sends.append((parent.id, Share()))
