"""Makes up what the calls of a simulated world do: random trees of calls inside calls."""

from elsewhere.calls.messages import Options
from elsewhere.store import KEY_BYTES
from elsewhere.testing.faults import Faults
from elsewhere.testing.programs import PLAIN, Ask, Behaviour, Programs
from elsewhere.testing.world import World

DEPTH_MAX = 3
TREE_CALLS_MAX = 30
FUNCTIONS_MAX = 40
CIRCLES_MAX = 3
"""What fails because it would wait for itself is tried by all who ask for it: more would take for ever."""


class Author:
    """Writes behaviours into `programs`, by the faults of the world."""

    def __init__(self, world: World, faults: Faults, programs: Programs) -> None:
        self.programs = programs
        self.functions: dict[int, float] = {}
        """every function of the world, and how long a call of it takes"""
        self._faults = faults
        self._random = world.random
        for number in range(world.random.choice((1, 2, 4))):
            seconds = world.random.choice((1e-3, 0.01, 0.1, 1.0))
            programs.build_seconds[b"resource %d" % number] = seconds
        programs.kept_max = world.random.choice((None, 0, 1))
        self._tempo = world.random.choice((1.0, 1.0, 10.0, 30.0))
        """how long calls take in this world"""
        self._path: list[Behaviour] = []
        """those with keys that are being written, each inside the one before"""
        self._circles = 0
        self._left = 0
        """how many more calls this tree may have"""

    def make_function(self) -> int:
        number = len(self.functions) + 1
        seconds = self._random.choice((1e-5, 1e-4, 1e-3, 1e-2, 0.1))
        self.functions[number] = self._tempo * seconds
        if self._faults.strike("needing_function"):
            resources = sorted(self.programs.build_seconds)
            count = min(len(resources), self._random.choice((1, 1, 2)))
            self.programs.needs[number] = tuple(self._random.sample(resources, count))
        return number

    def write(self, function: int) -> Behaviour:
        """What a call of the client does."""
        self._left = TREE_CALLS_MAX
        behaviour = self._write(function, 0)
        # What others may ask for without a time limit must end.
        behaviour.stuck = not behaviour.key and self._faults.strike("stuck_call")
        # One that never ends would hide for ever even that the call before it has ended.
        behaviour.mute = behaviour.mute and not behaviour.stuck
        return behaviour

    def _write(self, function: int, depth: int) -> Behaviour:
        faults, random = self._faults, self._random
        behaviour = self.programs.make(
            function, self.functions[function] * random.uniform(0.5, 1.5)
        )
        if faults.strike("slow_call"):
            behaviour.seconds *= random.choice((10.0, 100.0, 1000.0))
        if faults.strike("raising_call"):
            behaviour.raises = random.randint(1, 4)
        if faults.strike("poison_call"):
            behaviour.poisons = random.choice((1, 2, 5))
        behaviour.deaf = faults.strike("deaf_call")
        behaviour.mute = faults.strike("mute_call")
        behaviour.catches = random.random() < 0.3
        if faults.strike("keyed_call"):
            behaviour.key = (b"key of %d" % behaviour.name).ljust(KEY_BYTES, b".")
            self._path.append(behaviour)
        if (
            depth < DEPTH_MAX
            and (depth == 0 or random.random() < 0.5)
            and faults.strike("nested_call")
        ):
            for _ in range(random.choice((1, 1, 2))):
                asks = [self._ask(depth + 1) for _ in range(random.randint(1, 4))]
                behaviour.asks.append([])
                for ask in asks:
                    behaviour.asks[-1].append(self._give(ask, behaviour))
        if behaviour.key:
            self._path.pop()
            self._close_circle(behaviour)
            self.programs.keyed.append(behaviour)
        return behaviour

    def _ask(self, depth: int) -> Ask:
        faults, random = self._faults, self._random
        options = PLAIN
        if faults.strike("inner_options"):
            timeout = random.choice((0.02, 0.2, 1.0)) if faults.strike("timeout") else None
            options = Options(timeout=timeout, retries=random.randint(0, 2))
        self._left -= 1
        if self._path and self._may_close_circle():
            return Ask(random.choice(self._path).name)
        if self.programs.keyed and (self._left < 0 or random.random() < 0.4):
            return Ask(random.choice(self.programs.keyed).name, options)
        function = random.randint(1, len(self.functions))
        deeper = DEPTH_MAX if self._left < 0 else depth
        return Ask(self._write(function, deeper).name, options)

    def _give(self, ask: Ask, behaviour: Behaviour) -> Ask:
        """Let a call be given earlier ones that are made inside the same call."""
        made = sum(len(asks) for asks in behaviour.asks)
        if not made or self.programs.by_name[ask.name].key or not self._faults.strike("given_call"):
            return ask
        count = self._random.randint(1, min(made, 3))
        return ask._replace(inputs=tuple(self._random.sample(range(made), count)))

    def _may_close_circle(self) -> bool:
        if self._circles >= CIRCLES_MAX or not self._faults.strike("circle"):
            return False
        self._circles += 1
        return True

    def _close_circle(self, behaviour: Behaviour) -> None:
        """Two calls that know of each other, and may be begun at the same time."""
        if self.programs.keyed and self._may_close_circle():
            older = self._random.choice(self.programs.keyed)
            older.asks.append([Ask(behaviour.name)])
            behaviour.asks.append([Ask(older.name)])
