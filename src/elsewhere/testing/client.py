"""A simulated client: submits bursts of calls, takes some back, and keeps a ledger of what it is told."""

from collections.abc import Callable, Iterable

from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    FromGateway,
    Given,
    Input,
    Kept,
    Kind,
    Need,
    Options,
    Release,
    Settlement,
    Verdict,
)
from elsewhere.calls.resources import Inquire
from elsewhere.calls.wire import replace
from elsewhere.testing.author import FUNCTIONS_MAX, Author
from elsewhere.testing.books import break_promise
from elsewhere.testing.faults import Faults
from elsewhere.testing.host import Host
from elsewhere.testing.programs import Behaviour, write_payload
from elsewhere.testing.world import World

CALLS_MAX = 300
RETRIES_MAX = 3
INPUTS_MAX = 20


class Client:
    """Submits at most `calls_wanted` calls, and remembers what became of each.

    `again` is what an earlier client asked for, whose process was killed: it is asked for first.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        host: Host,
        author: Author,
        again: Iterable[Behaviour] = (),
    ) -> None:
        random = world.random
        self.calls: dict[int, Call] = {}
        """every call that was submitted"""
        self.settled: dict[int, Verdict] = {}
        self.asking: set[int] = set()
        """calls that were to be taken back, with no answer yet"""
        self._outcomes: dict[int, Settlement] = {}
        self.calls_wanted = random.choice((20, 60, 150, CALLS_MAX))
        self._world = world
        self._faults = faults
        self._host = host
        self._author = author
        self._again = list(again)
        self._numbers = 0
        self._functions: dict[int, int] = {}
        """functions that may still be called: the world's number → the one under which it is defined"""
        self._functions_made = 0
        self._burst_max = random.choice((1, 3, 20, 150))
        self._gap_seconds = random.choice((0.0002, 0.003, 0.03, 0.3))
        host.settle = self._settle
        host.answer = self._answer

    @property
    def waiting(self) -> bool:
        """Whether a call is not settled or a question not answered."""
        return len(self.settled) < len(self.calls) or bool(self.asking)

    # ------------------------------------------------------------ what it does

    def act(self) -> None:
        """Submit a burst; come back later for more, until all is submitted or the faults stop."""
        if not self._faults.on or len(self.calls) >= self.calls_wanted:
            return
        if self._put_off(self.act):
            return
        again, self._again = self._again, []
        calls = [self._ask_again(behaviour) for behaviour in again]
        function = self._pick_function()
        burst = self._world.random.randint(1, self._burst_max)
        burst = min(burst, self.calls_wanted - len(self.calls))
        calls += [self._make_call(function) for _ in range(burst)]
        if self._faults.strike("warm_call") and self._author.programs.needs.get(function):
            calls += self._warm(function)
        self.calls.update((call.id, call) for call in calls)
        self._host.submit(calls)
        if self._faults.strike("inquire"):
            self._host.say(Inquire())
        if self._faults.strike("release"):
            self.release(function)
        self._world.after(self._world.random.expovariate(1 / self._gap_seconds), self.act)

    def release(self, function: int) -> None:
        self._host.say(Release([self._functions.pop(function)]))

    def release_all(self) -> None:
        for function in list(self._functions):
            self.release(function)

    def _put_off(self, act: Callable[[], None]) -> bool:
        """While the process stands still, the client does as well."""
        if self._world.now < self._host.paused_until:
            self._world.at(self._host.paused_until, act)
            return True
        return False

    def _pick_function(self) -> int:
        random, author = self._world.random, self._author
        if self._functions and random.random() < 0.8:
            return random.choice(list(self._functions))
        full = len(author.functions) >= FUNCTIONS_MAX
        function = random.randint(1, FUNCTIONS_MAX) if full else author.make_function()
        self._define(function)
        return function

    def _define(self, function: int) -> int:
        number = self._functions.get(function)
        if number is None:
            self._functions_made += 1
            number = self._functions[function] = self._functions_made
            needs = self._author.programs.needs_of(function)
            self._host.say(Define(number, b"code of %d" % number, f"f{number}", needs))
        return number

    def _warm(self, function: int) -> list[Call]:
        """Have what a function needs made in some workers."""
        wanted = self._world.random.randint(1, 3)
        behaviours = [self._author.programs.make(function, 0.0) for _ in range(wanted)]
        return [
            replace(self._call(behaviour, Options()), kind=Kind.WARM, items=wanted)
            for behaviour in behaviours
        ]

    def _make_call(self, function: int) -> Call:
        random, keyed = self._world.random, self._author.programs.keyed
        if keyed and random.random() < 0.2:
            return self._ask_again(random.choice(keyed))
        behaviour = self._author.write(function)
        inputs = self._pick_inputs() if self._faults.strike("given_call") else ()
        call = self._call(behaviour, self._pick_options(behaviour), () if behaviour.key else inputs)
        self._plan_cancels(behaviour, call.id)
        return call

    def _ask_again(self, behaviour: Behaviour) -> Call:
        """A call that somebody may have asked for already."""
        timeout = 0.5 if behaviour.stuck else None
        call = self._call(behaviour, Options(timeout=timeout))
        if self._faults.strike("cancel"):
            self._world.after(self._world.random.expovariate(100.0), self._cancel, call.id, False)
        return call

    def _pick_inputs(self) -> tuple[Input, ...]:
        """Earlier calls: the latest, as in a chain, or any of the latest few or many."""
        random, made = self._world.random, range(1, self._numbers + 1)
        among = made[-random.choice((1, 4, 30)) :]
        count = min(len(among), random.choice((1, 1, 2, 3, INPUTS_MAX)))
        return tuple(
            self._input(at, number) for at, number in enumerate(random.sample(among, count))
        )

    def _input(self, position: int, number: int) -> Input:
        """An input, sometimes with its outcome if that is known."""
        outcome = self._outcomes.get(number)
        if outcome is None or self._world.random.random() < 0.5:
            return Input(number)
        return Input(-1 - position, outcome)

    def _call(self, behaviour: Behaviour, options: Options, inputs: tuple[Input, ...] = ()) -> Call:
        random = self._world.random
        self._numbers += 1
        return Call(
            self._numbers,
            self._define(behaviour.function),
            write_payload(behaviour.name, random.choice((0, 10, 100))),
            options,
            items=random.choice((1, 1, 8)),
            key=behaviour.key,
            label=f"behaviour {behaviour.name}",
            inputs=inputs,
        )

    def _pick_options(self, behaviour: Behaviour) -> Options:
        faults, random = self._faults, self._world.random
        timeout = 0.5 if behaviour.stuck else None
        if faults.strike("timeout"):
            # Some run out in the very moment in which the call ends.
            timeout = random.choice((0.002, 0.02, 0.2, 1.0, behaviour.seconds + 0.0002))
        return Options(
            timeout=timeout,
            retries=random.randint(1, RETRIES_MAX) if faults.strike("retries") else 0,
            interrupt=random.random() < 0.1,
            deaths_max=random.choice((1, 3, 3)),
            remember_errors=random.random() < 0.2,
        )

    def _plan_cancels(self, behaviour: Behaviour, number: int) -> None:
        world, faults = self._world, self._faults
        soon = world.random.expovariate(1 / world.random.choice((1e-4, 1e-2, 1.0)))
        if faults.strike("cancel"):
            world.after(soon, self._cancel, number, False)
        if faults.strike("cancel_interrupt"):
            world.after(soon, self._cancel, number, True)
        if faults.strike("cancel_at_begin"):
            behaviour.began = lambda: self._cancel(number, True)
        if faults.strike("cancel_at_end"):
            behaviour.ended = lambda: self._cancel(number, False)

    def _cancel(self, number: int, interrupt: bool) -> None:
        if number in self.settled or self._put_off(lambda: self._cancel(number, interrupt)):
            return
        self.asking.add(number)
        self._host.say(Cancel([number], interrupt))

    # ------------------------------------------------------------ what it is told

    def _settle(self, settlements: list[Settlement]) -> None:
        for settlement in settlements:
            call = settlement.call
            if call not in self.calls or not self._is_news(settlement):
                break_promise(1, settlement)
            self._outcomes[call] = settlement
            self.settled[call] = settlement.verdict
            self.asking.discard(call)

    def _is_news(self, settlement: Settlement) -> bool:
        """Whether this may be told: not twice, unless it was submitted twice with a failed input."""
        told = self._outcomes.get(settlement.call)
        inputs = self.calls[settlement.call].inputs
        failed = [i for i in inputs if i.settlement and i.settlement.verdict is not Verdict.VALUE]
        return told is None or (told == settlement and bool(failed or settlement.chain))

    def _give(self, call: int, numbers: list[int]) -> None:
        """Say how inputs came out: by now all that the gateway may ask for have."""
        if not self._put_off(lambda: self._give(call, numbers)):
            inputs = tuple(Input(number, self._outcomes[number]) for number in numbers)
            self._host.say(Given(call, inputs))

    def _answer(self, messages: list[FromGateway]) -> None:
        for message in messages:
            if isinstance(message, Kept):
                self.asking.difference_update(message.calls)
            elif isinstance(message, Need):
                self._plan_to_give(message)

    def _plan_to_give(self, need: Need) -> None:
        random = self._world.random
        late = random.choice((0.001, 0.03, 0.6)) if self._faults.strike("delay") else 0.0
        if random.random() < 0.5:
            self._world.after(late, self._give, need.call, need.inputs)
            return
        for number in need.inputs:
            self._world.after(late * random.random(), self._give, need.call, [number])
