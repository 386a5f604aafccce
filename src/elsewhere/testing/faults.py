"""What can go wrong in a simulated world, and how often in this one.

Each seed draws which kinds exist and their rates (a *swarm*): all kinds at once hide each other, and
a world with only one of them goes where no mixture does.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from elsewhere.testing.world import World

KINDS: Final[dict[str, tuple[float, float]]] = {
    # per second and worker
    "crash_idle": (0.5, 20.0),
    "crash_running": (0.5, 40.0),
    "crash_parked": (0.5, 40.0),
    "crash_starting": (0.5, 20.0),
    # per second
    "pause": (0.5, 10.0),
    "kill_client": (0.2, 5.0),
    "power_cut": (0.2, 5.0),
    # per start of a worker
    "initializer_raises": (0.05, 0.7),
    # per death of a worker
    "late_mail": (0.2, 1.0),
    "unknown_exit": (0.1, 1.0),
    # per batch of outcomes, per message, per batch, per wake, per word of the client
    "crash_unsent": (0.005, 0.2),
    "duplicate": (0.02, 0.9),
    "delay": (0.01, 0.5),
    "late_wake": (0.05, 0.8),
    "pause_after_word": (0.01, 0.3),
    # per call
    "slow_call": (0.005, 0.5),
    "stuck_call": (0.005, 0.1),
    "deaf_call": (0.1, 1.0),
    "poison_call": (0.002, 0.1),
    "raising_call": (0.02, 0.9),
    "timeout": (0.05, 1.0),
    "retries": (0.1, 1.0),
    "cancel": (0.02, 0.6),
    "cancel_interrupt": (0.02, 0.6),
    "cancel_at_begin": (0.02, 0.6),
    "cancel_at_end": (0.02, 0.6),
    "mute_call": (0.02, 0.6),
    "nested_call": (0.05, 0.9),
    "keyed_call": (0.05, 0.9),
    "given_call": (0.05, 0.9),
    # per call that the user's function places
    "misplaced_call": (0.01, 0.5),
    # per call that is made inside another one
    "circle": (0.01, 0.3),
    "inner_options": (0.05, 0.9),
    "release_inner": (0.02, 0.5),
    # per function, per resource that is made, per second and worker
    "needing_function": (0.1, 0.9),
    "provider_fails": (0.02, 0.5),
    "slow_build": (0.02, 0.5),
    "evict": (0.02, 0.5),
    "evict_idle": (0.5, 20.0),
    # per burst of calls
    "warm_call": (0.05, 0.9),
    "inquire": (0.05, 0.9),
    "release": (0.05, 0.9),
    # per batch of rows, per row that a restart finds
    "slow_store": (0.05, 1.0),
    "failing_store": (0.02, 0.5),
    "damage": (0.1, 0.5),
}
"""Every kind, and between which two rates it is drawn."""

HARMLESS: Final = frozenset(
    {
        "pause",
        "pause_after_word",
        "duplicate",
        "delay",
        "late_wake",
        "slow_call",
        "mute_call",
        "release",
        "retries",
        "nested_call",
        "keyed_call",
        "given_call",
        "inner_options",
        "release_inner",
        "slow_store",
        "needing_function",
        "slow_build",
        "evict",
        "evict_idle",
        "warm_call",
        "inquire",
    }
)
"""Kinds under which every call still runs exactly once."""

THEMES: Final = (
    ("raising_call", "retries", "duplicate"),
    ("raising_call", "retries", "cancel_at_end", "delay"),
    ("stuck_call", "deaf_call", "timeout", "retries"),
    ("slow_call", "deaf_call", "cancel_at_begin", "delay"),
    ("poison_call", "stuck_call", "deaf_call", "crash_unsent"),
    ("crash_idle", "crash_running", "late_mail", "duplicate"),
    ("crash_starting", "initializer_raises", "duplicate"),
    ("release", "cancel", "slow_call", "delay"),
    ("nested_call", "keyed_call", "slow_call"),
    ("nested_call", "slow_call", "duplicate", "release_inner"),
    ("nested_call", "keyed_call", "circle", "duplicate"),
    ("nested_call", "keyed_call", "circle"),
    ("nested_call", "keyed_call", "crash_parked", "crash_running", "late_mail"),
    ("nested_call", "keyed_call", "raising_call", "inner_options", "cancel_interrupt", "slow_call"),
    ("nested_call", "inner_options", "timeout", "slow_call", "deaf_call"),
    ("keyed_call", "cancel", "cancel_at_begin", "slow_call", "delay"),
    ("keyed_call", "slow_store", "kill_client", "power_cut"),
    ("nested_call", "keyed_call", "slow_store", "failing_store", "kill_client"),
    ("keyed_call", "damage", "kill_client", "raising_call"),
    ("given_call", "raising_call", "duplicate", "delay"),
    ("given_call", "keyed_call", "cancel", "cancel_interrupt", "slow_call"),
    ("given_call", "nested_call", "crash_running", "crash_parked", "retries", "slow_call"),
    ("given_call", "nested_call", "keyed_call", "raising_call", "duplicate"),
    ("given_call", "poison_call", "timeout", "slow_call", "pause"),
    ("misplaced_call", "given_call", "nested_call", "duplicate"),
    ("misplaced_call", "keyed_call", "cancel", "crash_running"),
    ("needing_function", "evict_idle"),
    ("needing_function", "warm_call", "duplicate"),
    ("needing_function", "evict", "evict_idle", "slow_build", "inquire"),
    ("needing_function", "provider_fails", "retries", "crash_running", "late_mail"),
    ("needing_function", "warm_call", "nested_call", "keyed_call", "slow_call", "cancel"),
    ("needing_function", "given_call", "slow_call", "crash_idle", "timeout"),
)
"""Kinds that meet too seldom by chance, for the branches that need them together."""


WARM: Final[dict[str, float]] = {
    "evict_idle": 1.0,
    "evict": 0.1,
    "crash_idle": 0.5,
    "crash_running": 0.5,
    "slow_call": 0.05,
    "slow_build": 0.1,
    "provider_fails": 0.05,
    "retries": 0.5,
    "warm_call": 0.2,
    "inquire": 0.2,
    "cancel": 0.05,
    "nested_call": 0.2,
    "duplicate": 0.1,
    "late_wake": 0.1,
}
"""How often what matters to resources strikes, in worlds that are about these."""


def draw_warm_rates(random: Random) -> dict[str, float]:
    """Some kinds, seldom: where all goes wrong at once nothing is kept for long."""
    few = {kind: rate for kind, rate in WARM.items() if random.random() < 0.3}
    return {"needing_function": 0.8, **few}


def draw_rates(random: Random) -> dict[str, float]:
    """The kinds of one world and their rates: sometimes none, one alone at its most, or a theme."""
    dice = random.random()
    if dice < 0.08:
        return {}
    if dice < 0.2:
        kind = random.choice(list(KINDS))
        return {kind: KINDS[kind][1]}
    if dice < 0.4:
        kinds = random.choice(THEMES)
        return {kind: KINDS[kind][1] * random.uniform(0.5, 1.0) for kind in kinds}
    density = random.choice((0.15, 0.4, 0.7))
    shyest = random.choice((0.0, 0.5, 0.8))
    return {
        kind: low * (high / low) ** random.uniform(shyest, 1.0)
        for kind, (low, high) in KINDS.items()
        if random.random() < density
    }


class Faults:
    """Decides, kind by kind, whether it happens now. Nothing does once they have `stop`ped."""

    def __init__(self, world: World, rates: dict[str, float]) -> None:
        self.rates = rates
        self.struck: Counter[str] = Counter()
        self.on = True
        self._world = world
        self._random = world.random.random

    @property
    def is_warm(self) -> bool:
        """Whether this world is about resources."""
        return "needing_function" in self.rates and self.rates.keys() <= {"needing_function", *WARM}

    @property
    def harmless(self) -> bool:
        return HARMLESS.issuperset(self.rates)

    def strike(self, kind: str) -> bool:
        """Whether `kind` happens this time."""
        rate = self.rates.get(kind)
        if rate is None or not self.on or self._random() >= rate:
            return False
        self.struck[kind] += 1
        return True

    def recur(self, kind: str, strike: Callable[[], bool], sources: int = 1) -> None:
        """Let `strike` happen again and again, by the rate of `kind`; it says whether it could."""
        rate = self.rates.get(kind)
        if rate is not None:
            self._recur(kind, strike, rate * sources)

    def _recur(self, kind: str, strike: Callable[[], bool], rate: float) -> None:
        def happen() -> None:
            if self.on:
                if strike():
                    self.struck[kind] += 1
                self._recur(kind, strike, rate)

        self._world.after(self._world.random.expovariate(rate), happen)

    def stop(self) -> None:
        self.on = False
