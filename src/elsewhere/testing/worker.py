"""A simulated worker: runs what it is sent, one after another, and answers while it runs."""

from collections import deque
from collections.abc import Callable

from elsewhere.calls.messages import (
    Attempt,
    Define,
    Done,
    Exit,
    Forget,
    FromWorker,
    Interrupt,
    Outcome,
    Ready,
    Recall,
    Returned,
    Run,
    Stop,
    ToWorker,
    Unready,
    Verdict,
)
from elsewhere.testing.books import break_promise
from elsewhere.testing.faults import Faults
from elsewhere.testing.host import Host
from elsewhere.testing.world import Line, World

FLUSH_SECONDS = 0.002
TICK_SECONDS = 0.005
FOREVER = 1e9


class Behaviour:
    """What a call does where it runs."""

    __slots__ = ("began", "deaf", "ended", "mute", "poisons", "raises", "runs", "seconds", "stuck")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.raises = 0
        """how many of its first runs raise"""
        self.poisons = 0
        """how many of its first runs take the worker down"""
        self.stuck = False
        """it never ends by itself"""
        self.deaf = False
        """it ignores an interrupt"""
        self.mute = False
        """while it runs, its worker does not answer, as when it never lets the interpreter go"""
        self.began: Callable[[], None] | None = None
        self.ended: Callable[[], None] | None = None
        """called when it begins or ends, before anybody can have heard of it"""
        self.runs = 0
        """how often it was begun"""


Behaviours = dict[int, Behaviour]


class Worker:
    """One worker process. `state` is starting, idle, running or gone."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        host: Host,
        behaviours: Behaviours,
        number: int,
        ended: Callable[["Worker", Exit], None],
    ) -> None:
        self.number = number
        self.was_ready = False
        self.alive = True
        self.inbox = Line(world, self._delay, self._take)
        self.outbox = Line(world, self._delay, self._deliver)
        self._world = world
        self._faults = faults
        self._host = host
        self._behaviours = behaviours
        self._ended = ended
        self._unread: list[ToWorker] = []
        self._attempts: deque[Attempt] = deque()
        self._functions: set[int] = set()
        self._outcomes: list[Outcome] = []
        self._current: Attempt | None = None
        self._started = 0.0
        self._flushed = 0.0
        self._stopping = False

    @property
    def state(self) -> str:
        if not self.was_ready:
            return "starting"
        return "idle" if self._current is None else "running"

    # ------------------------------------------------------------ life

    def boot(self) -> None:
        raises = self._faults.strike("initializer_raises")
        self._world.after(self._world.random.uniform(0.001, 0.03), self._set_up, raises)

    def _set_up(self, raises: bool) -> None:
        if not self.alive:
            return
        if raises:
            self._send([Unready(b"the initializer raised")])
            self.die(code=0)
            return
        self.was_ready = True
        self._send([Ready(self.number)])
        self._read()

    def _read(self) -> None:
        """Take in what nobody could read until now."""
        unread, self._unread = self._unread, []
        self._take(unread)

    def die(self, *, signal: int | None = None, code: int | None = None) -> None:
        """End at once. What was not sent is lost; the node tells which call was in control."""
        self.alive = False
        running = self._current.call if self._current is not None else 0
        if self._outcomes:
            self._world.sometimes("a worker died with outcomes that it had not sent")
        if running and self._faults.strike("unknown_exit"):
            running = 0
        self._world.events += 1
        self._world.log("worker ends", self.number, signal, running)
        self._ended(self, Exit(code, signal, None, running))

    # ------------------------------------------------------------ mail

    def _delay(self) -> float:
        if self._faults.strike("delay"):
            return self._world.random.choice((0.001, 0.03, 0.6, 3.0))
        return self._world.random.uniform(2e-5, 2e-4)

    def _send(self, messages: list[FromWorker]) -> None:
        self.outbox.send(messages)

    def _deliver(self, messages: list[FromWorker]) -> None:
        for message in messages:
            if self.number not in self._host.links:
                self._world.sometimes("a message arrived after its worker was gone")
            self._host.hear(self.number, message)  # type: ignore[arg-type]  # nothing is ever Said

    def _take(self, messages: list[ToWorker]) -> None:
        if not self.alive:
            self._world.sometimes("mail arrived at a dead worker")
            return
        current = self._current
        if not self.was_ready or (current is not None and self._behaviours[current.call].mute):
            self._unread += messages
            return
        for message in messages:
            match message:
                case Run():
                    self._attempts += message.attempts
                case Define():
                    self._functions.add(message.function)
                case Recall():
                    self._give_back(message.attempts)
                case Forget():
                    self._functions.difference_update(message.functions)
                case Interrupt():
                    self._interrupt(message)
                case Stop():
                    self._stopping = True
        self._begin()

    def _give_back(self, wanted: list[tuple[int, int]]) -> None:
        asked = set(wanted)
        returned = [(a.call, a.fence) for a in self._attempts if (a.call, a.fence) in asked]
        given = set(returned)
        self._attempts = deque(a for a in self._attempts if (a.call, a.fence) not in given)
        kept = [name for name in wanted if name not in given]
        self._flush([Returned(returned, kept)])

    def _interrupt(self, message: Interrupt) -> None:
        current = self._current
        if current is not None and (current.call, current.fence) == (message.call, message.fence):
            self._yield_soon(current)

    def _flush(self, more: list[FromWorker]) -> None:
        messages: list[FromWorker] = []
        if self._outcomes:
            messages.append(Done(self._outcomes))
            self._outcomes = []
        messages += more
        self._flushed = self._world.now
        if messages:
            self._send(messages)

    # ------------------------------------------------------------ calls

    def _begin(self) -> None:
        """Begin the next attempt, if none is running."""
        if self._current is not None or not self.alive:
            return
        if not self._attempts:
            self._flush([])
            if self._stopping:
                self.die(code=0)
            return
        attempt = self._current = self._attempts.popleft()
        behaviour = self._behaviours[attempt.call]
        behaviour.runs += 1
        if attempt.function not in self._functions:
            break_promise(9, self.number, attempt)
        world = self._world
        world.events += 1
        world.log("begin", self.number, attempt.call, attempt.fence)
        self._started = world.now
        if behaviour.runs <= behaviour.poisons:
            world.after(behaviour.seconds, self._collapse, attempt)
            return
        seconds = FOREVER if behaviour.stuck else behaviour.seconds
        world.after(seconds, self._finish, attempt)
        if behaviour.began is not None:
            world.after(0.0, behaviour.began)
        if seconds > TICK_SECONDS:
            world.after(TICK_SECONDS, self._tick, attempt)

    def _tick(self, attempt: Attempt) -> None:
        if self._current is attempt and self.alive and not self._behaviours[attempt.call].mute:
            self._flush([])

    def _collapse(self, attempt: Attempt) -> None:
        if self._current is attempt and self.alive:
            self.die(signal=11)

    def _yield_soon(self, attempt: Attempt) -> None:
        if not self._behaviours[attempt.call].deaf:
            seconds = self._world.random.choice((0.001, 0.006, 0.006, 0.9995, 1.0005))
            self._world.after(seconds, self._finish, attempt, Verdict.INTERRUPTED)

    def _finish(self, attempt: Attempt, verdict: Verdict = Verdict.VALUE) -> None:
        if self._current is not attempt or not self.alive:
            return
        behaviour = self._behaviours[attempt.call]
        if verdict is Verdict.VALUE and behaviour.runs <= behaviour.raises:
            verdict = Verdict.ERROR
        self._current = None
        world = self._world
        world.events += 1
        world.log("end", self.number, attempt.call, attempt.fence, verdict)
        payload = b"%d.%d" % (attempt.call, attempt.fence)
        self._outcomes.append(
            Outcome(
                attempt.call,
                attempt.fence,
                verdict,
                payload,
                self._started,
                world.now - self._started,
            )
        )
        if self._faults.strike("crash_unsent"):
            self.die(signal=11)
            return
        if behaviour.ended is not None:
            world.after(0.0, behaviour.ended)
        if world.now - self._flushed > FLUSH_SECONDS:
            self._flush([])
        if self._unread:
            self._read()
        self._begin()
