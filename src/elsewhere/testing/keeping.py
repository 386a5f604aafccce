"""What a simulated worker keeps for its calls: it takes time to make it, it may fail, and it may go."""

from collections.abc import Callable

from elsewhere.calls.resources import Evicted, Inventory, Made, Use
from elsewhere.testing.faults import Faults
from elsewhere.testing.programs import Programs
from elsewhere.testing.world import World


class Keeping:
    """The resources of one worker; `say` takes its messages."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        programs: Programs,
        say: Callable[[Made | Evicted | Inventory], None],
    ) -> None:
        self.kept: dict[bytes, int] = {}
        """how often each was used"""
        self._world = world
        self._faults = faults
        self._programs = programs
        self._say = say

    def missing(self, function: int) -> list[bytes]:
        """What a call of this function would have to make first."""
        return [
            digest for digest in self._programs.needs.get(function, ()) if digest not in self.kept
        ]

    def seconds_for(self, digest: bytes) -> float:
        """How long it takes this time."""
        seconds = self._programs.build_seconds[digest] * self._world.random.uniform(0.5, 1.5)
        return 10.0 * seconds if self._faults.strike("slow_build") else seconds

    def make(self, digest: bytes, seconds: float, function: int) -> bool:
        """It was being made for a call of this function for so long; False if its provider has failed."""
        if self._faults.strike("provider_fails"):
            self._world.sometimes("a provider failed")
            return False
        if digest not in self.kept:  # else it was made for another call meanwhile
            self.kept[digest] = 0
            self._say(Made(self._programs.resource(digest), seconds, len(digest)))
        if self._faults.strike("evict"):
            self.evict()
        most = self._programs.kept_max
        if most is not None:
            others = [one for one in self.kept if one not in self._programs.needs[function]]
            for one in others[: max(0, len(others) - most)]:
                self._give_up(one)
        return True

    def use(self, function: int) -> None:
        """A call of this function begins."""
        for digest in self._programs.needs.get(function, ()):
            if digest in self.kept:
                self.kept[digest] += 1

    def evict(self) -> bool:
        """Give something up; False if there is nothing."""
        if not self.kept:
            return False
        self._give_up(self._world.random.choice(sorted(self.kept)))
        return True

    def _give_up(self, digest: bytes) -> None:
        del self.kept[digest]
        self._say(Evicted(digest))
        self._world.sometimes("a resource was given up")

    def answer(self) -> None:
        """Say what there is."""
        self._say(Inventory([Use(digest, uses, 0.0) for digest, uses in self.kept.items()]))
