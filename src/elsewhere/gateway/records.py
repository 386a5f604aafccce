"""What the gateway knows of each call, function and worker. The machine alone changes these."""

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final

from elsewhere.calls.lifecycle import CALL_MOVES, WORKER_MOVES, CallState, WorkerState
from elsewhere.calls.messages import Call, FromGateway, Settlement
from elsewhere.calls.values import Value
from elsewhere.errors import GatewayBug
from elsewhere.gateway.kit import KeptRecord, Kit
from elsewhere.store import Remember

CLIENT: Final = 0
"""The peer number of the client; workers have numbers from 1."""
ENGINE: Final = -1
"""The peer number of the engine."""
STORE: Final = -2
"""The peer number of the store."""
REMAKER: Final = -3
"""The gateway itself, as it asks for calls again whose values were lost."""
NOTHING_KNOWN: Final[Mapping[int, Settlement | None]] = {}
"""Of the inputs of a call, when it is made. All share it, because a dictionary of its own would double
the record of a call that waits."""
SPEED_KEPT: Final = 0.9
"""How much of what was measured of a worker before counts beside its next call."""


class Stopping(IntEnum):
    """Why a running attempt was asked to stop."""

    NOT = 0
    TIMEOUT = 1
    CANCEL = 2


class Turn:
    """What one step decided, in the order in which the host must act."""

    __slots__ = ("rows", "sends", "settlements", "wake")

    def __init__(self) -> None:
        self.rows: list[Remember] = []
        """for the store; a gateway that waits for them settles their calls in a later Turn"""
        self.sends: list[tuple[int, FromGateway]] = []
        """messages and the peer that each is for, in order"""
        self.settlements: list[Settlement] = []
        """futures to settle"""
        self.wake: float | None = None
        """when to step with no message, if nothing comes before; None: never"""


class FunctionRecord:
    """A function: its code, who has it, how long one item of it takes, and what becomes of its values."""

    __slots__ = (
        "code",
        "kit",
        "let_go_bytes",
        "live",
        "name",
        "names",
        "number",
        "seconds",
        "workers",
    )

    def __init__(self, number: int, code: bytes, name: str) -> None:
        self.number = number
        """what workers know it by"""
        self.code = code
        self.name = name
        self.live = 0
        """calls of it that are not settled, and those that may have to be made again"""
        self.names = 0
        """under how many numbers it may still be called"""
        self.seconds: float | None = None
        """moving average of the seconds that one item takes; None until one was measured"""
        self.let_go_bytes = 0
        """how large its last value was; 0 if that was small, or not let go of before it came out"""
        self.workers: set[int] = set()
        """workers that were sent the code"""
        self.kit: Kit | None = None
        """what workers keep for its calls"""

    def measure(self, elapsed: float, items: int) -> None:
        seconds = elapsed / items
        self.seconds = seconds if self.seconds is None else 0.75 * self.seconds + 0.25 * seconds


class CallRecord:
    """A call that is not settled, or that a worker still runs although it is."""

    __slots__ = (
        "asked",
        "asker",
        "astray",
        "call",
        "cancelling",
        "deaths",
        "due",
        "estimate",
        "expects_heir",
        "failures",
        "fence",
        "function",
        "joined",
        "killings",
        "needs",
        "outcome",
        "parents",
        "rank",
        "sent_bytes",
        "state",
        "stopping",
        "strays_before",
        "values",
        "waived",
        "worker",
        "yield_by",
    )

    sent_bytes: int
    """how many bytes were sent with its latest attempt; unset before"""
    yield_by: float
    """when the grace ends of an attempt that was asked to stop; unset before"""
    killings: int
    """how many of its deaths may have come from outside; unset before the first"""
    strays_before: int
    """how many deaths had turned out to come from outside shortly before its first one; unset before that"""
    outcome: Settlement
    """what is being written to the store; unset before"""
    values: Mapping[int, Settlement | None]
    """by number, the inputs that have come out, and as None those that who asks for the call is to
    bring; unset if there are no inputs. `learn` adds to it"""

    def __init__(self, call: Call, function: FunctionRecord, asker: int, rank: int) -> None:
        self.call = call
        self.function = function
        self.asker: int | None = asker
        """the peer that submitted it; None once that one has withdrawn"""
        self.joined: dict[int, int] | None = None
        """other calls with the same key, and who submitted each"""
        self.parents: Sequence[int] = (call.parent,) if call.parent else ()
        """the calls inside which this one was asked for"""
        self.asked: Sequence[int] = ()
        """the calls that were asked for inside this one; those that are settled too"""
        self.rank = rank
        """more than that of any of its parents"""
        self.needs = 0
        """how many inputs have no value, as far as is known here"""
        self.astray = False
        """its attempt was sent ahead of an input that comes out otherwise"""
        self.state = CallState.QUEUED
        self.worker = 0
        """who has it while it is assigned"""
        self.fence = 0
        """the number of its latest attempt"""
        self.deaths = 0
        self.failures = 0
        self.estimate = 0.0
        """seconds that this attempt was thought to take when it was assigned"""
        self.expects_heir = False
        """when it was assigned, it was not known yet which one call may be handed its large value"""
        self.stopping = Stopping.NOT
        self.waived = False
        """who asked for it will not ask for its value"""
        self.cancelling = False
        """nobody wants it any more, and its worker has been asked to give it back"""
        self.due: float | None = None
        """when the time of this attempt is up; None while it does not run"""

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for its outcome."""
        return self.asker is not None or bool(self.joined)

    @property
    def attempt(self) -> int:
        """Which attempt this is, counting those that ran."""
        return self.failures + self.deaths + (self.worker != 0)

    def input_values(self, ahead: Mapping[int, Value]) -> tuple[Value, ...]:
        """The values of its inputs; `ahead` has those that are not there."""
        known = self.values
        return tuple(
            [
                Value(one.call, one.payload, one.place)
                if (one := known.get(number)) is not None
                else ahead[number]
                for number in (asked.call for asked in self.call.inputs)
            ]
        )

    def learn(self, number: int, settlement: Settlement | None) -> None:
        """An input has come out, or is to be brought."""
        known = self.values
        if known and isinstance(known, dict):
            known[number] = settlement
        else:
            self.values = {**known, number: settlement}

    def become(self, state: CallState) -> None:
        if state not in CALL_MOVES[self.state]:
            raise GatewayBug(f"call {self.call.id}: no move from {self.state!r} to {state!r}")
        self.state = state


class WorkerRecord:
    """A worker and the attempts that it holds, in the order in which they were sent."""

    __slots__ = (
        "ahead",
        "asks",
        "children",
        "defined",
        "expecting",
        "followers",
        "functions",
        "head_since",
        "held",
        "held_bytes",
        "id",
        "killed",
        "node",
        "parked",
        "recalling",
        "resources",
        "running",
        "sharing",
        "state",
        "stuck",
        "tasks_left",
        "thought_seconds",
        "tied_until",
        "took_seconds",
    )

    def __init__(self, number: int, tasks_left: int | None, node: int = 0) -> None:
        self.id = number
        self.node = node
        """the machine that it is on"""
        self.state = WorkerState.STARTING
        self.held: OrderedDict[int, CallRecord] = OrderedDict()
        """what it runs or will run, in this order"""
        self.parked: dict[int, CallRecord] = {}
        """what it has begun and what waits there for other calls"""
        self.held_bytes = 0
        """what was sent with that: arguments, and inputs that came along"""
        self.ahead = 0.0
        """seconds of work that it holds, by the estimates"""
        self.expecting = 0
        """how many calls that it holds expect an heir"""
        self.running: CallRecord | None = None
        """the first of what it holds, which is what it runs as far as is known here"""
        self.head_since = 0.0
        """since when that one has been first; what was made for it does not count"""
        self.functions: set[int] = set()
        self.resources: dict[bytes, KeptRecord] = {}
        """what it keeps for calls, in the order in which it was made"""
        self.tasks_left = tasks_left
        """how many calls it may still take; None: any number"""
        self.killed = False
        """the gateway had it killed, so what it then runs is not to blame for its death"""
        self.stuck = False
        """its backlog was called back, so nothing more is sent behind what it runs"""
        self.tied_until = 0.0
        """until then it is not looked whether anything that it has not begun could run elsewhere"""
        self.recalling = False
        """a `Recall` that seeks work for others has not been answered"""
        self.asks: set[int] = set()
        """calls that it submitted and that are not settled"""
        self.defined: set[int] = set()
        """functions that it defined"""
        self.children = 0
        """how many calls inside calls wait in it, as far as it has said"""
        self.followers: deque[Iterator[CallRecord]] = deque()
        """calls that wait for what it holds, and may be sent behind that"""
        self.sharing = False
        """a `Share` has not been answered"""
        self.took_seconds = 0.0
        """how long its calls took, the latest counting most"""
        self.thought_seconds = 0.0
        """how long these were thought to take by what was measured of all workers"""

    def become(self, state: WorkerState) -> None:
        if state not in WORKER_MOVES[self.state]:
            raise GatewayBug(f"worker {self.id}: no move from {self.state!r} to {state!r}")
        self.state = state

    @property
    def speed(self) -> float:
        """How fast it is: 2.0 is twice as fast as its calls were thought to be."""
        if not self.took_seconds or not self.thought_seconds:
            return 1.0
        return self.thought_seconds / self.took_seconds

    def measure(self, elapsed: float, thought: float) -> None:
        """A call took so long here, and was thought to take so long anywhere."""
        self.took_seconds = SPEED_KEPT * self.took_seconds + elapsed
        self.thought_seconds = SPEED_KEPT * self.thought_seconds + thought

    def wait_seconds(self, now: float) -> float:
        """How long it is thought to take for what it holds.

        What runs for longer than was thought is thought to need as long again as it is over.
        """
        if not self.held:
            return 0.0
        head = self.running
        if head is None:
            return self.ahead  # given in this very step
        return max(0.0, self.ahead - head.estimate) + abs(head.estimate - (now - self.head_since))

    def head(self) -> CallRecord | None:
        """The first of what it holds."""
        return next(iter(self.held.values()), None)

    def attempt(self, call: int, fence: int) -> CallRecord | None:
        """The call, if this worker holds just this attempt at it."""
        record = self.held.get(call) or self.parked.get(call)
        return record if record is not None and record.fence == fence else None

    def has(self, call: int) -> bool:
        """Whether an attempt at this call is here."""
        return call in self.held or call in self.parked

    def unstarted(self) -> Iterator[CallRecord]:
        """What it holds behind the head, latest first."""
        held = reversed(self.held.values())
        return (record for record, _ in zip(held, range(len(self.held) - 1), strict=False))

    def take(self, record: CallRecord) -> None:
        if not self.held:
            self.ahead = 0.0
        self.held[record.call.id] = record
        self.held_bytes += record.sent_bytes
        self.ahead += record.estimate
        if record.expects_heir:
            self.expecting += 1
        if record.function.kit is not None:
            record.function.kit.enter(self.id)

    def drop(self, record: CallRecord) -> None:
        if self.parked.pop(record.call.id, None) is None:
            del self.held[record.call.id]
            self.held_bytes -= record.sent_bytes
            self.ahead -= record.estimate
            if record.expects_heir:
                self.expecting -= 1
            if record.function.kit is not None:
                record.function.kit.leave(self.id)

    def park(self, record: CallRecord) -> None:
        if record.call.id in self.held:
            self.drop(record)
            self.parked[record.call.id] = record

    def resume(self, record: CallRecord) -> None:
        if self.parked.pop(record.call.id, None) is not None:
            passed_over = self.head()
            if passed_over is not None:
                passed_over.due = None  # had it begun, it would be parked
            self.take(record)
            self.held.move_to_end(record.call.id, last=False)
