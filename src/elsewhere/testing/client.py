"""A simulated client: submits bursts of calls, takes some back, and keeps a ledger of what it is told."""

from collections.abc import Callable

from elsewhere.calls.messages import (
    Call,
    Cancel,
    Define,
    FromGateway,
    Kept,
    Options,
    Release,
    Settlement,
    Verdict,
)
from elsewhere.testing.books import break_promise
from elsewhere.testing.faults import Faults
from elsewhere.testing.host import Host
from elsewhere.testing.worker import Behaviour, Behaviours
from elsewhere.testing.world import World

CALLS_MAX = 300
RETRIES_MAX = 3


class Client:
    """Submits at most `calls_wanted` calls, and remembers what became of each."""

    def __init__(self, world: World, faults: Faults, host: Host, behaviours: Behaviours) -> None:
        random = world.random
        self.calls: dict[int, Call] = {}
        """every call that was submitted"""
        self.settled: dict[int, Verdict] = {}
        self.asking: set[int] = set()
        """calls that were to be taken back, with no answer yet"""
        self.calls_wanted = random.choice((20, 60, 150, CALLS_MAX))
        self._world = world
        self._faults = faults
        self._host = host
        self._behaviours = behaviours
        self._functions: dict[int, float] = {}
        """functions that may still be called, and how long a call of each takes"""
        self._functions_made = 0
        self._burst_max = random.choice((1, 3, 20, 150))
        self._tempo = random.choice((1.0, 1.0, 10.0, 30.0))
        """how long calls take in this world"""
        self._gap_seconds = random.choice((0.0002, 0.003, 0.03))
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
        function = self._pick_function()
        burst = self._world.random.randint(1, self._burst_max)
        burst = min(burst, self.calls_wanted - len(self.calls))
        calls = [self._make_call(function) for _ in range(burst)]
        self.calls.update((call.id, call) for call in calls)
        self._host.submit(calls)
        if self._faults.strike("release"):
            self.release(function)
        self._world.after(self._world.random.expovariate(1 / self._gap_seconds), self.act)

    def release(self, function: int) -> None:
        del self._functions[function]
        self._host.say(Release([function]))

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
        random = self._world.random
        if self._functions and random.random() < 0.8:
            return random.choice(list(self._functions))
        self._functions_made += 1
        function = self._functions_made
        self._functions[function] = self._tempo * random.choice((1e-5, 1e-4, 1e-3, 1e-2, 0.1))
        self._host.say(Define(function, b"code of %d" % function))
        return function

    def _make_call(self, function: int) -> Call:
        world, faults, random = self._world, self._faults, self._world.random
        behaviour = Behaviour(self._functions[function] * random.uniform(0.5, 1.5))
        timeout = None
        if faults.strike("timeout"):
            # Some run out in the very moment in which the call ends.
            timeout = random.choice((0.002, 0.02, 0.2, 1.0, behaviour.seconds + 0.0002))
        if faults.strike("slow_call"):
            behaviour.seconds *= random.choice((10.0, 100.0, 1000.0))
        if faults.strike("stuck_call"):
            behaviour.stuck = True
            timeout = timeout or 0.5
        if faults.strike("raising_call"):
            behaviour.raises = random.randint(1, 4)
        if faults.strike("poison_call"):
            behaviour.poisons = random.choice((1, 2, 5))
        behaviour.deaf = faults.strike("deaf_call")
        # One that never ends would hide for ever even that the call before it has ended.
        behaviour.mute = not behaviour.stuck and faults.strike("mute_call")
        options = Options(
            timeout=timeout,
            retries=random.randint(1, RETRIES_MAX) if faults.strike("retries") else 0,
            interrupt=random.random() < 0.1,
            deaths_max=random.choice((1, 3, 3)),
        )
        number = len(self._behaviours) + 1
        self._behaviours[number] = behaviour
        soon = random.expovariate(1 / random.choice((1e-4, 1e-2, 1.0)))
        if faults.strike("cancel"):
            world.after(soon, self._cancel, number, False)
        if faults.strike("cancel_interrupt"):
            world.after(soon, self._cancel, number, True)
        if faults.strike("cancel_at_begin"):
            behaviour.began = lambda: self._cancel(number, True)
        if faults.strike("cancel_at_end"):
            behaviour.ended = lambda: self._cancel(number, False)
        payload = b"p" * random.choice((0, 10, 100))
        return Call(number, function, payload, options, items=random.choice((1, 1, 8)))

    def _cancel(self, number: int, interrupt: bool) -> None:
        if number in self.settled or self._put_off(lambda: self._cancel(number, interrupt)):
            return
        self.asking.add(number)
        self._host.say(Cancel([number], interrupt))

    # ------------------------------------------------------------ what it is told

    def _settle(self, settlements: list[Settlement]) -> None:
        for settlement in settlements:
            call = settlement.call
            if call not in self.calls or call in self.settled:
                break_promise(1, settlement)
            self.settled[call] = settlement.verdict
            self.asking.discard(call)

    def _answer(self, messages: list[FromGateway]) -> None:
        for message in messages:
            if isinstance(message, Kept):
                self.asking.difference_update(message.calls)
