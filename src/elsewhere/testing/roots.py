"""What runs inside a simulated worker: attempts, and the calls that are made inside them.

An attempt is a *root*. Its own task and the tasks of the plain calls that were made inside it run in
turn: one that waits for others is left, and something else goes on. Calls with a key or with options
are submitted to the gateway at once.
"""

from collections import deque
from collections.abc import Callable

from elsewhere.calls.messages import (
    NUMBERS_PER_WORKER,
    Attempt,
    Call,
    Cancel,
    Define,
    FromWorker,
    Given,
    Has,
    Input,
    Need,
    Outcome,
    Parked,
    Release,
    Resumed,
    Settlement,
    Verdict,
)
from elsewhere.testing.programs import PLAIN, Ask, Behaviour, Programs, write_payload

Outgoing = FromWorker | Outcome | Call


class Task:
    """One call in progress, or one that waits on the worker's stack."""

    __slots__ = (
        "asked",
        "behaviour",
        "children",
        "failed",
        "made",
        "over",
        "parent",
        "part",
        "root",
    )

    def __init__(self, behaviour: Behaviour, root: "Root", parent: "Task | None") -> None:
        self.behaviour = behaviour
        self.root = root
        self.parent = parent
        self.part = 0
        """how many parts of its time are over"""
        self.asked: set[int] = set()
        """numbers of calls that it submitted and waits for"""
        self.made: list[int] = []
        """the numbers of all calls that it made, in order; 0 for a plain one"""
        self.children: list[Task] = []
        """plain calls that it made and waits for"""
        self.failed = False
        """something that it asked for has failed, and so will it"""
        self.over = False

    @property
    def waits(self) -> bool:
        return bool(self.asked or self.children)


class Root:
    """An attempt that was begun."""

    __slots__ = ("attempt", "building", "main", "started", "told_parked")

    def __init__(self, attempt: Attempt, behaviour: Behaviour, started: float) -> None:
        self.attempt = attempt
        self.started = started
        self.building = 0.0
        """seconds that went into what its calls need"""
        self.told_parked = False
        """the gateway knows that it is parked"""
        self.main = Task(behaviour, self, None)

    @property
    def name(self) -> tuple[int, int]:
        return (self.attempt.call, self.attempt.fence)


class Roots:
    """The stack, what is ready to go on, and who waits for which submitted call."""

    def __init__(
        self,
        worker: int,
        programs: Programs,
        say: Callable[[Outgoing], None],
        releases: Callable[[], bool],
    ) -> None:
        self.by_name: dict[tuple[int, int], Root] = {}
        self.stack: deque[Task] = deque()
        """plain calls that nobody has begun, the latest last"""
        self.ready: deque[Task] = deque()
        """tasks that have waited and can go on"""
        self.head: Root | None = None
        """the root that had control last, and that the gateway believes to run"""
        self.told = 0
        """how many calls the gateway believes to wait on the stack"""
        self._programs = programs
        self._say = say
        self._releases = releases
        self._waiting: dict[int, Task] = {}
        self._outcomes: dict[int, Settlement | None] = {}
        """what became of each call that is an input"""
        self._first = worker * NUMBERS_PER_WORKER
        self._numbers = 0
        self._functions_made = 0
        self._functions: dict[int, int] = {}
        """those that it has defined and not released: the world's number → its own"""

    # ------------------------------------------------------------ roots

    def begin(self, attempt: Attempt, now: float) -> Root:
        root = Root(attempt, self._programs.of(attempt.payload), now)
        self.by_name[root.name] = root
        return root

    def end(self, root: Root) -> None:
        """A root is over, and with it all that was made inside it."""
        root.main.over = True
        self.abandon(root.main)
        self._drop_what_is_over()
        del self.by_name[root.name]
        if self.head is root:
            self.head = None

    def give_control(self, root: Root) -> None:
        if self.head is root:
            return
        self.lose_control()
        if root.told_parked:
            root.told_parked = False
            self._say(Resumed(*root.name))
        self.head = root

    def lose_control(self) -> None:
        if self.head is not None:
            self.head.told_parked = True
            self._say(Parked(*self.head.name))
            self.head = None

    # ------------------------------------------------------------ calls inside calls

    def ask(self, task: Task, asks: list[Ask]) -> None:
        """A task makes calls and waits for them."""
        given = task.behaviour.given
        for ask in asks:
            behaviour = self._programs.by_name[ask.name]
            is_given = len(task.made) in given
            if behaviour.key or ask.options is not PLAIN or ask.inputs or is_given:
                number = self._submit(behaviour, ask, task)
                task.made.append(number)
                if is_given:
                    self._outcomes[number] = None
            else:
                task.made.append(0)
                child = Task(behaviour, task.root, task)
                task.children.append(child)
                self.stack.append(child)

    def share(self) -> None:
        """Somebody idles: submit half of the stack, the oldest first."""
        for _ in range((len(self.stack) + 1) // 2):
            child = self.stack.popleft()
            task = child.parent
            if task is not None:
                task.children.remove(child)
                self._submit(child.behaviour, Ask(child.behaviour.name), task)
        self.told = len(self.stack)
        self._say(Has(self.told))

    def tell_stack(self) -> None:
        """Let the gateway know whether calls wait here that others could take."""
        if bool(self.stack) != bool(self.told):
            self.told = len(self.stack)
            self._say(Has(self.told))

    def _submit(self, behaviour: Behaviour, ask: Ask, task: Task) -> int:
        function = self._define(behaviour.function)
        self._numbers += 1
        number = self._first + self._numbers
        task.asked.add(number)
        self._waiting[number] = task
        self._say(
            Call(
                number,
                function,
                write_payload(behaviour.name),
                ask.options,
                key=behaviour.key,
                parent=task.root.attempt.call,
                label=f"behaviour {behaviour.name}",
                inputs=tuple(self._input(at, task.made[n]) for at, n in enumerate(ask.inputs)),
            )
        )
        if self._releases():
            self._say(Release([self._functions.pop(behaviour.function)]))
        return number

    def _input(self, position: int, number: int) -> Input:
        """An input, sometimes with its outcome if that is known."""
        outcome = self._outcomes[number]
        return Input(number) if position % 2 or outcome is None else Input(-1 - position, outcome)

    def give(self, need: Need) -> None:
        """The gateway has forgotten inputs of a call."""
        inputs = tuple(Input(number, self._outcomes[number]) for number in need.inputs)
        self._say(Given(need.call, inputs))

    def _define(self, function: int) -> int:
        number = self._functions.get(function)
        if number is None:
            self._functions_made += 1
            number = self._functions[function] = self._first + self._functions_made
            needs = self._programs.needs_of(function)
            self._say(Define(number, b"code of %d" % number, f"f{number}", needs))
        return number

    def answer(self, settlement: Settlement) -> None:
        """A call that was submitted has come out."""
        if settlement.call in self._outcomes:
            self._outcomes[settlement.call] = settlement
        task = self._waiting.pop(settlement.call, None)
        if task is not None:
            task.asked.discard(settlement.call)
            self._go_on(task, settlement.verdict)

    def child_ended(self, child: Task, verdict: Verdict) -> None:
        """A plain call has come out here."""
        if child.over:
            return  # nobody waits for it any more
        child.over = True
        task = child.parent
        if task is not None:
            task.children.remove(child)
            self._go_on(task, verdict)

    def _go_on(self, task: Task, verdict: Verdict) -> None:
        if verdict is not Verdict.VALUE and not task.behaviour.catches:
            task.failed = True
            self.abandon(task)
        if not task.waits:
            self.ready.append(task)

    def abandon(self, task: Task) -> None:
        """Nobody waits any more for what a task has asked for."""
        if task.asked:
            for number in task.asked:
                del self._waiting[number]
            self._say(Cancel(sorted(task.asked)))
            task.asked.clear()
        for child in task.children:
            child.over = True
            self.abandon(child)
        if task.children:
            task.children.clear()
            self._drop_what_is_over()

    def _drop_what_is_over(self) -> None:
        self.stack = deque(task for task in self.stack if not task.over)
        self.ready = deque(task for task in self.ready if not task.over)
