"""One seed, from beginning to end: first a world with faults, then one without, which must settle."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time
from traceback import format_exception_only

from elsewhere.calls.messages import Verdict
from elsewhere.errors import GatewayBug
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.limits import GRACE_SECONDS
from elsewhere.gateway.machine import Gateway
from elsewhere.testing.books import Violation, break_promise
from elsewhere.testing.client import Client
from elsewhere.testing.engine import RETRY_SECONDS_MAX, Engine
from elsewhere.testing.faults import Faults
from elsewhere.testing.host import Host
from elsewhere.testing.oracles import Oracles
from elsewhere.testing.worker import Behaviours
from elsewhere.testing.world import World

MESSAGES_SECONDS_MAX = 10.0
"""What is under way when the faults stop has arrived after this: delays, pauses, repetitions."""
EVENTS_MAX = 2_000_000
CHECK_EVERY = 8
"""The invariants of a large state are checked after every so many steps."""


@dataclass(slots=True)
class Report:
    """What became of one seed. `seconds` is processor time; everything else follows from the seed."""

    seed: int
    kinds: list[str] = field(default_factory=list)
    steps: int = 0
    events: int = 0
    checks: int = 0
    simulated_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    hash: str = ""
    seconds: float = 0.0
    violation: str = ""


def run_seed(
    seed: int, *, check_every: int = CHECK_EVERY, tell: Callable[[str], None] | None = None
) -> Report:
    """Simulate one seed. `check_every` is how many steps apart the invariants are checked."""
    report = Report(seed)
    begun = process_time()
    world = World(seed, tell)
    run = Run(world, check_every)
    try:
        run.pass_faults()
        run.pass_liveness()
    except (Violation, GatewayBug, LookupError, AttributeError, TypeError, ValueError) as error:
        report.violation = "".join(format_exception_only(error)).strip()
        if tell is not None:
            tell(report.violation)
    report.seconds = process_time() - begun
    report.kinds = sorted(run.faults.rates)
    report.steps = run.host.steps
    report.checks = run.host.checks
    report.events = world.events
    report.simulated_seconds = world.now
    report.faults = run.faults.struck
    report.verdicts = Counter(verdict.name.lower() for verdict in run.client.settled.values())
    report.probes = world.probes
    report.hash = world.hexdigest()
    return report


class Run:
    """The parts of one world, put together, and its two phases."""

    def __init__(self, world: World, check_every: int) -> None:
        random = world.random
        self.world = world
        self.faults = Faults(world)
        self.budget = random.choice((None, None, None, 1, 2, 7))
        self.gateway = Gateway(tasks_per_worker_max=self.budget)
        self.oracles = Oracles(self.budget, world.sometimes)
        self.host = Host(world, self.faults, self.gateway, self.oracles, check_every)
        self.behaviours: Behaviours = {}
        self.engine = Engine(
            world, self.faults, self.host, self.behaviours, random.choice((1, 1, 2, 3, 4))
        )
        self.client = Client(world, self.faults, self.host, self.behaviours)
        self.faults_seconds = random.choice((0.1, 1.0, 5.0, 15.0))

    def pass_faults(self) -> None:
        """Safety: whatever goes wrong, nothing wrong is done."""
        for _ in range(self.engine.wanted):
            self.engine.start()
        self.client.act()
        self.world.run(self.faults_seconds, self._overrun)

    def pass_liveness(self) -> None:
        """Nothing goes wrong any more: what was accepted must settle within a computed time."""
        self.faults.stop()
        until = self.world.now + self._bound()
        if not self.world.run(until, lambda: not self.client.waiting or self._overrun()):
            break_promise(20, *self._stuck())
        self.client.release_all()
        # Late mail and repetitions of what happened are still to come.
        self.world.run(self.world.now + MESSAGES_SECONDS_MAX, self._overrun)
        check_invariants(self.gateway)
        self._judge_runs()
        left = [*self.gateway.calls, *self.gateway.functions, *self.gateway.queue]
        if left:
            break_promise(24, left)
        if set(self.gateway.workers) != set(self.engine.alive):
            break_promise(24, list(self.gateway.workers), list(self.engine.alive))

    def _overrun(self) -> bool:
        if self.world.events > EVENTS_MAX:
            break_promise(21, self.world.events)
        return False

    def _bound(self) -> float:
        """Seconds in which one worker alone would do all that is left, failures and starts included."""
        seconds = MESSAGES_SECONDS_MAX
        per_start = RETRY_SECONDS_MAX + 1.0
        for number, call in self.client.calls.items():
            behaviour, options = self.behaviours[number], call.options
            worst = 0.0 if behaviour.stuck else behaviour.seconds
            if options.timeout is not None:
                worst = options.timeout if behaviour.stuck else min(worst, options.timeout)
            attempts = options.retries + options.deaths_max + 1
            seconds += attempts * (worst + GRACE_SECONDS + per_start + 0.1)
        return seconds

    def _stuck(self) -> list[object]:
        stuck = [n for n in self.client.calls if n not in self.client.settled]
        return ["not settled:", stuck[:10], "not answered:", sorted(self.client.asking)[:10]]

    def _judge_runs(self) -> None:
        """How often each call was begun, against how often it may have been."""
        healthy = self.faults.harmless
        for number, verdict in self.client.settled.items():
            runs = self.behaviours[number].runs
            if runs > self.oracles.calls[number].fence:
                break_promise(19, number, runs)
            if verdict is Verdict.VALUE and not runs:
                break_promise(19, number, runs)
            if healthy and (runs != 1 or verdict is not Verdict.VALUE):
                break_promise(19, number, runs, verdict)
