"""Which worker is given the calls that need what workers keep.

A worker is *near* a kit if it has it, or is making it for a call that it holds. Calls that need a kit
wait in a line of their own, from which near workers take as they have room. A worker that is not near
is let in when the line is worth more than what it would take to make the kit there:

* if the last call of the line would have to wait for longer than that, by the estimates;
* or if the line has not been empty for so long. More may come than has been seen, as of a map that is sent
  bit by bit. To wait for as long as the kit costs, and then to pay for it, takes at most twice as long as
  what would have been best in hindsight (the rule of who rents skis). With each such time as many are let
  in as there are near ones.

If nobody is near, whoever could begin first is let in. Who is let in while others have the kit gets the last
call of the line, which would have had to wait longest.
"""

from collections.abc import Iterator
from itertools import chain, islice

from elsewhere.calls.lifecycle import WorkerState
from elsewhere.calls.messages import Kind
from elsewhere.gateway.builds import Builds, last_begins
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.lines import Line, Lines
from elsewhere.gateway.placer import Placer
from elsewhere.gateway.records import CallRecord, WorkerRecord
from elsewhere.gateway.room import can_take, estimate

Pick = tuple[CallRecord, WorkerRecord]
LINES_MAX = 64
"""How many lines one step looks at; the others are next."""
NEWCOMERS_MAX = 64
"""So many workers that have room it looks at to find who is let in."""
GIVEN_MAX = 4096
"""How many calls one step gives to near workers of one line."""
LOOK_SECONDS = 0.005
"""Nothing is looked at again sooner than this because time has passed."""


class Warmth:
    """The lines, and who is let in. `idle` and `roomy` are the workers that have room."""

    def __init__(
        self,
        lines: Lines,
        builds: Builds,
        placer: Placer,
        inputs: Inputs,
        workers: dict[int, WorkerRecord],
        idle: dict[int, WorkerRecord],
        roomy: dict[int, WorkerRecord],
    ) -> None:
        self.lines = lines
        self.look_at: float | None = None
        """when to look again who is let in"""
        self._builds = builds
        self._placer = placer
        self._inputs = inputs
        self._workers = workers
        self._idle = idle
        self._roomy = roomy

    def take_look_at(self, other: float | None) -> float:
        """`look_at`, which is not kept for the next step, or an `other` moment that comes sooner."""
        moments = [when for when in (self.look_at, other) if when is not None]
        self.look_at = None
        return min(moments)

    def picks(self, now: float) -> Iterator[Pick]:
        """Calls and who is given each; it must have been given before the next one is asked for."""
        for line in self.lines.in_turn(LINES_MAX):
            yield from self._warm(line, now)
            yield from self._let_in(line, now)
            if line.first() is not None:
                yield from self._give_near(line, self._builds.near(line.kit, now), now)
                if not self._builds.near(line.kit, now):
                    yield from self._let_in(line, now)  # who leaves was near for one call only
            line.rest(now)
        if len(self.lines) > LINES_MAX and (self._idle or self._roomy):
            self._look_by(now + LOOK_SECONDS, now)

    def _look_by(self, when: float, now: float) -> None:
        when = max(when, now + LOOK_SECONDS)
        self.look_at = when if self.look_at is None else min(self.look_at, when)

    # ------------------------------------------------------------ who is near

    def _give_near(self, line: Line, near: list[WorkerRecord], now: float) -> Iterator[Pick]:
        """To those that have room: each its share, the least busy first. Who is still making the kit is
        given no more as long as others have it."""
        ready = [worker for worker in near if not line.kit.missing(worker.resources)]
        roomy = [worker for worker in ready or near if can_take(worker)]
        roomy.sort(key=lambda one: (self._builds.wait(line.kit, one, now), one.id))
        share = max(1, min(GIVEN_MAX, len(line)) // max(1, len(roomy)))
        for worker in roomy:
            for _ in range(share):
                record = self._next(line, last=False) if can_take(worker) else None
                if record is None:
                    break
                yield record, self._choose(record, worker, roomy, now)

    def _choose(
        self, record: CallRecord, worker: WorkerRecord, roomy: list[WorkerRecord], now: float
    ) -> WorkerRecord:
        """Whoever is next; of a call with inputs on nodes, whom the policy names."""
        inputs = self._placer.inputs_on_nodes(record)
        if not inputs:
            return worker
        return self._placer.choose(record, inputs, [w for w in roomy if can_take(w)], now)

    def _next(self, line: Line, *, last: bool) -> CallRecord | None:
        """A call that leaves the line, if there is one whose inputs are there."""
        while line.first() is not None:
            record = line.take(last=last)
            if not (record.call.inputs and self._inputs.wait_for_lost(record)):
                record.estimate = estimate(record)
                return record
        return None

    # ------------------------------------------------------------ who is let in

    def _let_in(self, line: Line, now: float) -> Iterator[Pick]:
        kit, builds = line.kit, self._builds
        while (first := line.first()) is not None:
            hungry = islice(
                chain(reversed(self._idle.values()), self._roomy.values()), NEWCOMERS_MAX
            )
            strangers = [w for w in hungry if not kit.is_near(w.id, w.resources) and can_take(w)]
            if not strangers:
                return
            costs = {
                w.id: builds.wait(kit, w, now) + builds.seconds(kit, w, now) for w in strangers
            }
            # Who keeps least will not have to give up so soon what others are sent there for.
            worker = min(strangers, key=lambda w: (costs[w.id], len(w.held), len(w.resources)))
            near = builds.near(kit, now)
            if near and not self._is_worth(line, near, costs[worker.id], estimate(first), now):
                return
            has = any(not kit.missing(one.resources) for one in near)
            record = self._next(line, last=has)
            if record is None:
                return
            yield record, self._choose(record, worker, [worker], now)

    def _is_worth(
        self, line: Line, near: list[WorkerRecord], cost: float, seconds: float, now: float
    ) -> bool:
        """Whether the line is worth that cost. If not, it is said when to look again."""
        waits = [self._builds.wait(line.kit, one, now) for one in near]
        longest = last_begins(waits, seconds, len(line))
        if longest > cost:
            return True
        if line.since is None:
            line.since = now
        if now - line.since >= cost and len(line) > sum(not one.held for one in near):
            line.since, line.more = now, len(near)
        if line.more:
            line.more -= 1
            return True
        # No wait grows faster than time passes.
        self._look_by(min(now + cost - longest, line.since + cost), now)
        doubt_at = self._builds.doubt_at(line.kit, near, now)
        if doubt_at is not None:
            self._look_by(doubt_at, now)
        return False

    # ------------------------------------------------------------ made ahead

    def _warm(self, line: Line, now: float) -> Iterator[Pick]:
        """Calls that are to make a kit go to workers that are not near it, up to as many as they say."""
        kit = line.kit
        while (record := line.first_warming()) is not None:
            takers = [w for w in self._workers.values() if _may_be_warm(w)]
            near = [w for w in takers if kit.is_near(w.id, w.resources)]
            strangers = [w for w in takers if not kit.is_near(w.id, w.resources)]
            # Once there are enough, there is nothing left to do, and that is soon done anywhere.
            wanted = strangers if len(near) < record.call.items and strangers else near
            roomy = [worker for worker in wanted if can_take(worker)]
            if not roomy:
                return
            line.warming.popleft()
            record.estimate = 0.0
            yield record, min(roomy, key=lambda one: (self._builds.wait(kit, one, now), one.id))

    # ------------------------------------------------------------ what is taken back

    def is_worth_moving(
        self, record: CallRecord, victim: WorkerRecord, idle: list[WorkerRecord], now: float
    ) -> bool:
        """Whether a call that its worker has not begun is worth more than to make its kit elsewhere. If
        it is not yet, it is said when to look again."""
        kit = record.function.kit
        if kit is None:
            return True
        if record.call.kind is Kind.WARM:
            return False
        if self._placer.every_call:
            return True
        cost = min([self._builds.seconds(kit, one, now) for one in idle])
        wait = self._builds.wait(kit, victim, now)
        if cost and wait <= cost:
            self._look_by(now + cost - wait, now)
            return False
        return True


def _may_be_warm(worker: WorkerRecord) -> bool:
    """Whether it takes calls, or will."""
    return worker.state in {WorkerState.STARTING, WorkerState.READY} or can_take(worker)
