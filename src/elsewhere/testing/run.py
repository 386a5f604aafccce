"""One seed, from beginning to end: first a world with faults, then one without, which must settle."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import process_time
from traceback import format_exception_only

from elsewhere.calls.messages import Options, Verdict
from elsewhere.errors import GatewayBug
from elsewhere.gateway.inputs import FALLEN_MAX
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.limits import GRACE_SECONDS
from elsewhere.gateway.machine import Gateway
from elsewhere.store import Acknowledge
from elsewhere.testing.author import Author
from elsewhere.testing.books import Violation, break_promise
from elsewhere.testing.client import Client
from elsewhere.testing.data_run import DataRun
from elsewhere.testing.engine import RETRY_SECONDS_MAX, Engine
from elsewhere.testing.faults import Faults, draw_rates, draw_warm_rates
from elsewhere.testing.host import Host
from elsewhere.testing.oracles import Oracles
from elsewhere.testing.placing import draw_policy
from elsewhere.testing.programs import Behaviour, Programs
from elsewhere.testing.remembering import Remembering
from elsewhere.testing.shelf import Shelf
from elsewhere.testing.world import World

MESSAGES_SECONDS_MAX = 10.0
"""What is under way when the faults stop has arrived after this: delays, pauses, repetitions."""
EVENTS_MAX = 2_000_000
CRASHES_MAX = 3
"""How often the client's process is killed in one world."""
CHECK_EVERY = 8
"""The invariants of a large state are checked after every so many steps."""
ERRORS = (Violation, GatewayBug, LookupError, AttributeError, TypeError, ValueError)
"""What a bug of the machine may raise."""


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
    run = _run_world(report, lambda world: Run(world, check_every), tell)
    if run is not None:
        report.kinds = sorted(run.faults.rates)
    if not report.violation:
        _run_world(report, lambda world: Run(world, check_every, warm=True), tell)
    if not report.violation:
        _run_data(report, check_every, tell)
    return report


def _run_world(
    report: Report, make: "Callable[[World], Run]", tell: Callable[[str], None] | None
) -> "Run | None":
    """One of the worlds of a seed, both phases."""
    begun = process_time()
    world = World(report.seed, tell)
    run = None
    try:
        run = make(world)
        run.pass_faults()
        run.pass_liveness()
    except ERRORS as error:
        report.violation = "".join(format_exception_only(error)).strip()
        if tell is not None:
            tell(report.violation)
    report.seconds += process_time() - begun
    report.events += world.events
    report.simulated_seconds += world.now
    report.probes += world.probes
    report.hash += world.hexdigest()
    if run is not None:
        run.count()
        report.steps += run.steps
        report.checks += run.checks
        report.faults += run.faults.struck
        report.verdicts += run.verdicts
    return run


def _run_data(report: Report, check_every: int, tell: Callable[[str], None] | None) -> None:
    """The world with large values of the same seed."""
    begun = process_time()
    world = World(report.seed, tell)
    run = DataRun(world, check_every)
    try:
        run.run()
    except ERRORS as error:
        report.violation = "".join(format_exception_only(error)).strip()
        if tell is not None:
            tell(report.violation)
    report.seconds += process_time() - begun
    report.steps += run.steps
    report.checks += run.checks
    report.events += world.events
    report.simulated_seconds += world.now
    report.probes += world.probes
    report.hash += world.hexdigest()


class Run:
    """The parts of one world, put together, and its two phases; `warm`: it is about resources."""

    def __init__(self, world: World, check_every: int, *, warm: bool = False) -> None:
        random = world.random
        self.world = world
        self.faults = Faults(world, draw_warm_rates(random) if warm else draw_rates(random))
        self.budget = None if warm else random.choice((None, None, None, 1, 2, 7))
        self.programs = Programs()
        self.author = Author(world, self.faults, self.programs)
        self.remembering = Remembering(self._make_shelf())
        self.workers_wanted = random.choice((2, 3, 4) if warm else (1, 1, 2, 3, 4))
        self.faults_seconds = random.choice((0.1, 1.0, 5.0, 15.0))
        self.steps = self.checks = self.crashes = 0
        self.verdicts: Counter[str] = Counter()
        self._check_every = check_every
        self._crash = ""
        """the kind of the crash that has just happened"""
        self._live()

    def _make_shelf(self) -> Shelf | None:
        level = self.world.random.choice((None, *Acknowledge))
        return None if level is None else Shelf(self.world, self.faults, level)

    def _live(self, again: Iterable[Behaviour] = ()) -> None:
        """Start a client, and with it a gateway, an engine and workers."""
        world, faults = self.world, self.faults
        policy = draw_policy(world.random, faults)
        self.gateway = Gateway(
            tasks_per_worker_max=self.budget,
            waits_for_rows=self.remembering.waits,
            placement=policy,
        )
        inputs = self.gateway.ledger.inputs
        inputs.fallen_max = world.random.choice((3, FALLEN_MAX))
        if inputs.fallen_max != FALLEN_MAX:
            inputs.told_max = 1
        self.oracles = Oracles(self.budget, self.remembering, policy, world.sometimes)
        self.host = Host(
            world, faults, self.gateway, self.oracles, self.remembering, self._check_every
        )
        self.engine = Engine(world, faults, self.host, self.programs, self.workers_wanted)
        self.client = Client(world, faults, self.host, self.author, again)
        for kind in ("kill_client", "power_cut"):
            faults.recur(kind, lambda kind=kind: self._end_process(kind))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        for _ in range(self.engine.wanted):
            self.engine.start()
        self.client.act()

    def pass_faults(self) -> None:
        """Safety: whatever goes wrong, nothing wrong is done."""
        until = self.world.now + self.faults_seconds
        while self.world.run(until, lambda: self._overrun() or bool(self._crash)):
            self._start_again()

    def _end_process(self, kind: str) -> bool:
        if self.crashes < CRASHES_MAX and not self._crash:
            self._crash = kind
        return bool(self._crash)

    def _start_again(self) -> None:
        """The client's process is gone, with gateway and workers. What the store has survives."""
        power = self._crash == "power_cut"
        self._crash = ""
        self.crashes += 1
        self.world.sometimes("a client's process was killed")
        self.world.events += 1
        self.world.log("crash", int(power))
        self.world.forget()
        self.programs.forget_client()
        if self.remembering.shelf is not None:
            self.remembering.shelf.crash(power=power)
        self.remembering.crash(power=power)
        self.count()
        asked = {call.key: call for call in self.client.calls.values() if call.key}
        self._live([self.programs.of(call.payload) for call in asked.values()])

    def count(self) -> None:
        """Add what this life of the client has counted."""
        self.steps += self.host.steps
        self.checks += self.host.checks
        self.verdicts.update(v.name.lower() for v in self.client.settled.values())

    def pass_liveness(self) -> None:
        """Nothing goes wrong any more: what was accepted must settle within a computed time."""
        self.faults.stop()
        until = self.world.now + self._bound()
        if not self.world.run(until, lambda: self._is_done() or self._overrun()):
            break_promise(20, *self._stuck())
        self.client.release_all()
        # Late mail and repetitions of what happened are still to come.
        self.world.run(self.world.now + MESSAGES_SECONDS_MAX, self._overrun)
        check_invariants(self.gateway)
        self._judge_runs()
        self._judge_rest()

    def _judge_rest(self) -> None:
        gateway = self.gateway
        defined = {number for worker in gateway.workers.values() for number in worker.defined}
        asks = gateway.ledger.asks
        left = [
            *gateway.calls,
            *asks.claims,
            *asks.joined,
            *(record.call.id for record in gateway.queue),
            *gateway.ledger.inputs.waiting,
            *(number for number, _, _ in gateway.ledger.inputs.untold),
            *(record.call.id for record, _ in gateway.ledger.inputs.fallen),
            *(gateway.functions.keys() - defined),
            *(record.call.id for record in gateway.dispatch.lines),
            *gateway.ledger.kits.unanswered,
        ]
        if left:
            break_promise(24, left)
        if set(gateway.workers) != set(self.engine.alive):
            break_promise(24, list(gateway.workers), list(self.engine.alive))

    def _is_done(self) -> bool:
        """Whether all is settled, and nothing runs on that nobody waits for."""
        if self.client.waiting or self.gateway.calls:
            return False
        return not any(w.held or w.parked for w in self.gateway.workers.values())

    def _overrun(self) -> bool:
        if self.world.events > EVENTS_MAX:
            break_promise(21, self.world.events)
        return False

    def _bound(self) -> float:
        """Seconds in which one worker alone would do all that is left, failures and starts included."""
        seconds = MESSAGES_SECONDS_MAX
        # What asks for itself is told so, but may have been asked for from outside as well: its first
        # bound leaves that out, the second has it.
        once: dict[int, float] = {}
        for behaviour in self.programs.by_name.values():
            self._bound_inside(behaviour, once, {})
        twice: dict[int, float] = {}
        for call in self.client.calls.values():
            behaviour = self.programs.of(call.payload)
            seconds += self._bound_of(behaviour, call.options, twice, once)
        return seconds

    def _bound_inside(
        self, behaviour: Behaviour, bounds: dict[int, float], circular: dict[int, float]
    ) -> float:
        """For all that a call asks for, each time that it runs."""
        if behaviour.name not in bounds:
            bounds[behaviour.name] = circular.get(behaviour.name, 0.0)
            bounds[behaviour.name] = sum(
                self._bound_of(self.programs.by_name[ask.name], ask.options, bounds, circular)
                for asks in behaviour.asks
                for ask in asks
            )
        return bounds[behaviour.name]

    def _bound_of(
        self,
        behaviour: Behaviour,
        options: Options,
        bounds: dict[int, float],
        circular: dict[int, float],
    ) -> float:
        """For one call."""
        inner = self._bound_inside(behaviour, bounds, circular)
        worst = 0.0 if behaviour.stuck else behaviour.seconds
        if options.timeout is not None and behaviour.stuck:
            worst = options.timeout
        # What died before may yet turn out to excuse it so often.
        excuses = self.oracles.deaths.killings
        attempts = options.retries + options.deaths_max + excuses + 1
        needs = self.programs.needs.get(behaviour.function, ())
        # What it needs may be made for it alone, and waited for in vain before.
        making = sum(20.0 * self.programs.build_seconds[digest] for digest in needs)
        per_start = RETRY_SECONDS_MAX + 1.0
        return attempts * (worst + GRACE_SECONDS + per_start + 0.1 + inner + making)

    def _stuck(self) -> list[object]:
        stuck = [n for n in self.client.calls if n not in self.client.settled]
        return ["not settled:", stuck[:10], "not answered:", sorted(self.client.asking)[:10]]

    def _judge_runs(self) -> None:
        """How often each call was begun, against how often it may have been."""
        asked = Counter(self.programs.of(call.payload).name for call in self.client.calls.values())
        for number, verdict in self.client.settled.items():
            behaviour = self.programs.of(self.client.calls[number].payload)
            alone = not behaviour.key and asked[behaviour.name] == 1
            if alone and behaviour.runs > self.oracles.calls[number].fence:
                break_promise(19, number, behaviour.runs)
            if verdict is Verdict.VALUE and not behaviour.runs:
                break_promise(19, number, behaviour.runs)
            if self.faults.harmless and verdict is not Verdict.VALUE:
                break_promise(19, number, verdict)
        if self.faults.harmless and (self.remembering.shelf or not self.programs.keyed):
            for behaviour in self.programs.by_name.values():
                if behaviour.runs != 1:
                    break_promise(19, behaviour.name, behaviour.runs)
