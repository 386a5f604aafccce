"""A simulated worker: runs what it is sent, one after another, and answers while it runs."""

from collections import deque
from collections.abc import Callable

from elsewhere.calls.messages import (
    Answer,
    Attempt,
    Call,
    Define,
    Done,
    Forget,
    FromWorker,
    Interrupt,
    Need,
    Outcome,
    Recall,
    Returned,
    Run,
    Share,
    Submit,
    ToWorker,
    Verdict,
)
from elsewhere.calls.resources import Inquire
from elsewhere.calls.workers import Exit, Ready, Stop, Unready
from elsewhere.testing.books import break_promise
from elsewhere.testing.faults import Faults
from elsewhere.testing.host import Host
from elsewhere.testing.keeping import Keeping
from elsewhere.testing.programs import Programs
from elsewhere.testing.roots import Outgoing, Root, Roots, Task
from elsewhere.testing.world import Line, World

FLUSH_SECONDS = 0.002
TICK_SECONDS = 0.005
FOREVER = 1e9


class Worker:
    """One worker process."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        host: Host,
        programs: Programs,
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
        self._ended = ended
        self._unread: list[ToWorker] = []
        self._attempts: deque[Attempt] = deque()
        self._functions: set[int] = set()
        self._outgoing: list[Outgoing] = []
        self._roots = Roots(
            number, programs, self._outgoing.append, lambda: faults.strike("release_inner")
        )
        self.keeping = Keeping(world, faults, programs, self._outgoing.append)
        self._current: Task | None = None
        self._interrupts: set[tuple[int, int]] = set()
        """attempts that the gateway wants interrupted and that do not have control"""
        self._kept: dict[int, int] = {}
        """by call: the attempt whose value is kept for calls that are sent behind it"""
        self._flushed = 0.0
        self._stopping = False

    @property
    def states(self) -> set[str]:
        """What it is: starting, idle, running, parked. It may run one call while others are parked."""
        if not self.was_ready:
            return {"starting"}
        parked = any(root.told_parked for root in self._roots.by_name.values())
        return {"running" if self._current else "idle"} | ({"parked"} if parked else set())

    # ------------------------------------------------------------ life

    def boot(self) -> None:
        raises = self._faults.strike("initializer_raises")
        self._world.after(self._world.random.uniform(0.001, 0.03), self._set_up, raises)

    def _set_up(self, raises: bool) -> None:
        if not self.alive:
            return
        if raises:
            self.outbox.send([Unready(b"the initializer raised")])
            self.die(code=0)
            return
        self.was_ready = True
        self.outbox.send([Ready(self.number)])
        self._read()

    def _read(self) -> None:
        """Take in what nobody could read until now."""
        unread, self._unread = self._unread, []
        self._take(unread)

    def die(self, *, signal: int | None = None, code: int | None = None) -> None:
        """End at once. What was not sent is lost; the node tells which call was in control last."""
        self.alive = False
        unsent = [item.call for item in self._outgoing if isinstance(item, Outcome)]
        running = self._current.root.attempt.call if self._current else sum(unsent[-1:])
        if unsent:
            self._world.sometimes("a worker died with outcomes that it had not sent")
        if any(root.main.waits for root in self._roots.by_name.values()):
            self._world.sometimes("a worker died while calls were parked in it")
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
        if not self.was_ready or (current is not None and current.behaviour.mute):
            self._unread += messages
            return
        for message in messages:
            if isinstance(message, Interrupt | Answer | Share | Need):
                self._heed(message)
            else:
                self._keep(message)
        self._go_on()

    def _keep(self, message: ToWorker) -> None:
        """What is for later."""
        match message:
            case Run():
                self._attempts += message.attempts
            case Define():
                self._functions.add(message.function)
            case Recall():
                self._give_back(message.attempts)
            case Forget():
                self._functions.difference_update(message.functions)
            case Inquire():
                self.keeping.answer()
                self._flush()
            case Stop():
                self._stopping = True

    def _heed(self, message: Interrupt | Answer | Share | Need) -> None:
        """What is for attempts that have begun."""
        match message:
            case Interrupt():
                self._interrupts.add((message.call, message.fence))
                if self._current is not None and self._current.root.name in self._interrupts:
                    self._yield_soon(self._current)
            case Answer():
                for settlement in message.settlements:
                    self._roots.answer(settlement)
            case Share():
                self._roots.share()
                self._flush()
            case Need():
                self._roots.give(message)
                self._flush()

    def _give_back(self, wanted: list[tuple[int, int]]) -> None:
        asked = set(wanted)
        returned = [(a.call, a.fence) for a in self._attempts if (a.call, a.fence) in asked]
        given = set(returned)
        self._attempts = deque(a for a in self._attempts if (a.call, a.fence) not in given)
        kept = [name for name in wanted if name not in given]
        self._outgoing.append(Returned(returned, kept))
        self._flush()

    def _flush(self) -> None:
        """Send all that waits, in its order; outcomes and calls that follow their like together."""
        self._roots.tell_stack()
        messages: list[FromWorker] = []
        for item in self._outgoing:
            latest = messages[-1] if messages else None
            if isinstance(item, Outcome):
                if isinstance(latest, Done):
                    latest.outcomes.append(item)
                else:
                    messages.append(Done([item]))
            elif isinstance(item, Call):
                if isinstance(latest, Submit):
                    latest.calls.append(item)
                else:
                    messages.append(Submit([item]))
            else:
                messages.append(item)
        self._outgoing.clear()
        self._flushed = self._world.now
        if messages:
            self.outbox.send(messages)

    # ------------------------------------------------------------ what has control

    def _go_on(self) -> None:
        """Give control to whatever can run now, if nothing runs."""
        while self._current is None and self.alive:
            self._interrupt_parked()
            if self._roots.ready:
                self._enter(self._roots.ready.popleft())
            elif self._roots.stack:
                self._begin(self._roots.stack.pop())
            elif self._attempts:
                attempt = self._attempts.popleft()
                if attempt.function not in self._functions:
                    break_promise(9, self.number, attempt)
                kept = self._kept
                if any(one.fence and kept.get(one.call) != one.fence for one in attempt.inputs):
                    self._world.sometimes("an input was not where its call was sent ahead")
                    self._outgoing.append(
                        Outcome(attempt.call, attempt.fence, Verdict.UNREADY, b"", 0.0, 0.0)
                    )
                    continue
                self._begin(self._roots.begin(attempt, self._world.now).main)
            else:
                self._roots.lose_control()
                self._flush()
                if self._stopping and not self._roots.by_name:
                    self.die(code=0)
                return

    def _begin(self, task: Task) -> None:
        behaviour, world = task.behaviour, self._world
        behaviour.runs += 1
        world.events += 1
        world.log("begin", self.number, *task.root.name, behaviour.name)
        if behaviour.began is not None:
            world.after(0.0, behaviour.began)
        self._make_missing(task)

    def _make_missing(self, task: Task) -> None:
        """A task has control, and lacks something, or else begins."""
        missing = self.keeping.missing(task.behaviour.function)
        if not missing:
            self.keeping.use(task.behaviour.function)
            self._enter(task)
            return
        self._roots.give_control(task.root)
        self._current = task
        if task.root.name in self._interrupts:
            self._yield_soon(task)
        seconds = self.keeping.seconds_for(missing[0])
        self._world.after(seconds, self._end_making, task, missing[0], seconds)
        if seconds > TICK_SECONDS:
            self._world.after(TICK_SECONDS, self._tick, task)

    def _end_making(self, task: Task, digest: bytes, seconds: float) -> None:
        if self._current is not task or not self.alive:
            return
        task.root.building += seconds
        if task.over:
            self._current = None
            self._look()
        elif self.keeping.make(digest, seconds, task.behaviour.function):
            self._flush()
            self._make_missing(task)
        else:
            self._finish(task, Verdict.ERROR)
            self._look()

    def evict(self) -> bool:
        """Give something up, whatever runs."""
        evicted = self.keeping.evict()
        self._flush()
        return evicted

    def _enter(self, task: Task) -> None:
        """A task has control, until it ends or asks for something."""
        self._roots.give_control(task.root)
        self._current = task
        behaviour, world = task.behaviour, self._world
        if task.failed:
            self._finish(task, Verdict.ERROR)
            return
        if task.root.name in self._interrupts:
            self._yield_soon(task)
        seconds = behaviour.part_seconds
        if behaviour.runs <= behaviour.poisons:
            world.after(seconds, self._collapse, task, task.part)
            return
        seconds = FOREVER if behaviour.stuck else seconds
        world.after(seconds, self._end_part, task, task.part)
        if seconds > TICK_SECONDS:
            world.after(TICK_SECONDS, self._tick, task)

    def _tick(self, task: Task) -> None:
        if self._current is task and self.alive and not task.behaviour.mute:
            self._flush()

    def _collapse(self, task: Task, part: int) -> None:
        if self._current is task and task.part == part and self.alive:
            self.die(signal=self._world.random.choice((9, 11)))

    def _end_part(self, task: Task, part: int) -> None:
        if self._current is not task or task.part != part or not self.alive:
            return
        asks = task.behaviour.asks_now
        task.part += 1
        if task.over:
            self._current = None
        elif part >= len(asks):
            raises = task.behaviour.runs <= task.behaviour.raises
            self._finish(task, Verdict.ERROR if raises else Verdict.VALUE)
        else:
            self._current = None
            self._roots.ask(task, asks[part])
        self._look()

    def _look(self) -> None:
        if self._world.now - self._flushed > FLUSH_SECONDS:
            self._flush()
        if self.alive and self._unread:
            self._read()
        self._go_on()

    # ------------------------------------------------------------ interrupts

    def _yield_soon(self, task: Task) -> None:
        self._interrupts.discard(task.root.name)
        if not task.behaviour.deaf:
            seconds = self._world.random.choice((0.001, 0.006, 0.006, 0.9995, 1.0005))
            self._world.after(seconds, self._yield, task.root)

    def _yield(self, root: Root) -> None:
        if not self.alive or root.main.over:
            return
        if self._current is None or self._current.root is root:
            self._end_root(root, Verdict.INTERRUPTED)
            self._look()
        else:
            self._interrupts.add(root.name)

    def _interrupt_parked(self) -> None:
        """Those that wait are interrupted when nothing else has control."""
        for name in sorted(self._interrupts & self._roots.by_name.keys()):
            self._interrupts.discard(name)
            root = self._roots.by_name[name]
            if not root.main.behaviour.deaf:
                self._world.sometimes("a parked call was interrupted")
                self._end_root(root, Verdict.INTERRUPTED)

    # ------------------------------------------------------------ ends

    def _finish(self, task: Task, verdict: Verdict) -> None:
        self._current = None
        root = task.root
        if task is root.main:
            self._end_root(root, verdict)
            if self._faults.strike("crash_unsent"):
                self.die(signal=11)
            elif task.behaviour.ended is not None:
                self._world.after(0.0, task.behaviour.ended)
        else:
            self._roots.child_ended(task, verdict)

    def _end_root(self, root: Root, verdict: Verdict) -> None:
        world, attempt = self._world, root.attempt
        self._roots.give_control(root)
        self._current = None
        world.events += 1
        world.log("end", self.number, attempt.call, attempt.fence, verdict)
        self._interrupts.discard(root.name)
        self._roots.end(root)
        payload = b"%d.%d" % root.name
        if attempt.needed and verdict is Verdict.VALUE:
            self._kept[attempt.call] = attempt.fence
        self._outgoing.append(
            Outcome(
                attempt.call,
                attempt.fence,
                verdict,
                payload,
                root.started,
                world.now - root.started,
                building=root.building,
            )
        )
