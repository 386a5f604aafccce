"""How long it takes to have bytes of one node on another, as far as it was measured."""

from collections.abc import Iterable
from typing import Final

from elsewhere.calls.values import Transfer

BYTES_PER_SECOND: Final = 1e8
"""Between two nodes, before anything was measured: what gigabit Ethernet carries."""
MAPPED_BYTES_PER_SECOND: Final = 1e10
"""Within a node, where nothing is moved: so fast does a worker map what another one has written."""
PAIRS_MAX: Final = 4096
"""How many pairs of nodes are kept, the latest ones."""
KEPT_SHARE: Final = 0.75
"""How much of what was measured before counts beside the next measurement."""


class Measured:
    """Bytes and the seconds that they took, the latest counting most: an exponential mean whose
    weights are the sizes, so that many small transfers say little of how fast a large one is."""

    __slots__ = ("nbytes", "seconds")

    def __init__(self) -> None:
        self.nbytes = 0.0
        self.seconds = 0.0

    def add(self, nbytes: int, seconds: float) -> None:
        self.nbytes = KEPT_SHARE * self.nbytes + nbytes
        self.seconds = KEPT_SHARE * self.seconds + seconds


class Bandwidths:
    """By pairs of nodes. What was never measured is taken for the mean of all that was."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[int, int], Measured] = {}
        """from where and to where"""
        self._all = Measured()

    def measure(self, target: int, transfers: Iterable[Transfer]) -> None:
        """A worker of this node says what it has brought there."""
        for one in transfers:
            if one.nbytes and one.node != target:
                pair = self._pairs.pop((one.node, target), None) or Measured()
                self._pairs[one.node, target] = pair
                if len(self._pairs) > PAIRS_MAX:
                    del self._pairs[next(iter(self._pairs))]
                pair.add(one.nbytes, one.seconds)
                self._all.add(one.nbytes, one.seconds)

    def seconds_for(self, nbytes: int, source: int, target: int) -> float:
        """How long it is thought to take to have so many bytes there."""
        if source == target:
            return nbytes / MAPPED_BYTES_PER_SECOND
        measured = self._pairs.get((source, target), self._all)
        if not measured.nbytes:
            return nbytes / BYTES_PER_SECOND
        return nbytes * measured.seconds / measured.nbytes
