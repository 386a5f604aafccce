"""The seam to placement: which of the workers that have room is given a call, and who may say so.

A policy is asked for one call at a time, with workers that have room for it and no others. So no
policy can overload a worker, and none can keep a call waiting while somebody has room.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from elsewhere.errors import PlacementError

TOLD_MAX: Final = 200
"""How many characters of what a user's function has returned or raised are told."""


class CallToPlace(NamedTuple):
    """A call for which a worker is sought."""

    function: str
    """the name of what it runs"""
    label: str
    """a call with a key, in words; empty for any other"""
    input_bytes: int
    """how large its inputs are that lie on nodes; smaller ones travel with the call"""
    seconds: float
    """how long it is thought to take"""
    resources: tuple[str, ...] = ()
    """what it is given that workers keep: providers and arguments, in words"""


class Candidate(NamedTuple):
    """A worker that has room for the call."""

    worker: int
    """its number; a higher one has started later"""
    node: int
    """the machine that it is on"""
    held: int
    """how many calls it runs or will run"""
    wait_seconds: float
    """how long it is thought to take for these"""
    local_bytes: int
    """how much of the inputs lies on its node"""
    moved_bytes: int
    """how much of them would have to be moved there"""
    warm_bytes: int
    """how much of them it has made itself or still refers to"""
    move_seconds: float
    """how long it is thought to take to move there, and to map what it has not made"""
    speed: float
    """how fast it is: 2.0 is twice as fast as calls were thought to be; 1.0 until it was measured"""
    lacks: int = 0
    """how many of the resources it would have to make: it has the others, or is making them"""
    build_seconds: float = 0.0
    """how long it is thought to take to make these"""


class Placement(Protocol):
    """A placement policy. It has no clock and no chance; what it remembers is its own."""

    every_call: bool
    """whether it is asked for each call, or only for those with inputs that lie on nodes"""

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        """One of the candidates, of which there is at least one.

        Raises `PlacementError` if none can be named: then the call fails, and it alone.
        """


class Locality:
    """Where it could begin first: least time to wait, to move its inputs and to make what it needs."""

    every_call = False

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        return min(
            candidates,
            key=lambda one: (
                one.wait_seconds + one.move_seconds + one.build_seconds,
                -one.warm_bytes,
                one.held,
                one.worker,
            ),
        )


class LeastLoaded:
    """Where least work waits."""

    every_call = True

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        return min(candidates, key=lambda one: (one.wait_seconds, one.held, one.worker))


class RoundRobin:
    """Each in its turn, by number; who has no room misses it."""

    every_call = True

    def __init__(self) -> None:
        self._latest = 0

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        chosen = min(candidates, key=lambda one: (one.worker <= self._latest, one.worker))
        self._latest = chosen.worker
        return chosen


class Fastest:
    """Where it would end first, by the measured speeds."""

    every_call = True

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        return min(
            candidates,
            key=lambda one: (
                (one.wait_seconds + one.build_seconds + call.seconds) / one.speed,
                one.held,
                one.worker,
            ),
        )


UsersFunction = Callable[[CallToPlace, tuple[Candidate, ...]], Candidate]


class UsersOwn:
    """As a function of the user's says, which may raise and return anything."""

    every_call = True

    def __init__(self, function: UsersFunction) -> None:
        self._function = function

    def place(self, call: CallToPlace, candidates: Sequence[Candidate]) -> Candidate:
        try:
            chosen = self._function(call, tuple(candidates))
        except BaseException as error:
            # Half a step is a state that no step leaves, so not even SystemExit may pass.
            raise PlacementError(call.function, f"raised {_describe(error)}") from error
        if not any(chosen is one for one in candidates):
            raise PlacementError(call.function, f"returned {_tell(repr, chosen)}")
        return chosen


def _describe(error: BaseException) -> str:
    """An exception in words, and where it was raised."""
    where, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where = f" (in {code.co_name}, {code.co_filename} line {trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {_tell(str, error)}{where}"


def _tell(make: Callable[[object], str], value: object) -> str:
    """What `make` says of a user's object, which may refuse to be told."""
    try:
        text = make(value)
    except Exception as error:  # noqa: BLE001  # its own code runs
        return f"a {type(value).__name__} that raises {type(error).__name__} when it is told"
    return text if len(text) <= TOLD_MAX else text[: TOLD_MAX - 3] + "..."


PLACEMENTS: Final[dict[str, Callable[[], Placement]]] = {
    "locality": Locality,
    "least_loaded": LeastLoaded,
    "round_robin": RoundRobin,
    "fastest": Fastest,
}
"""Every policy that has a name."""


def open_placement(placement: str | UsersFunction) -> Placement:
    """The policy that a user means. Raises ValueError for an unknown name, else TypeError."""
    if isinstance(placement, str):
        policy = PLACEMENTS.get(placement)
        if policy is None:
            names = ", ".join(repr(name) for name in PLACEMENTS)
            raise ValueError(
                f"placement must be one of {names} or a function of a call and the candidates, "
                f"not {placement!r}"
            )
        return policy()
    if not callable(placement):
        raise TypeError(
            "placement must be the name of a policy or a function of a call and the candidates, "
            f"not {placement!r}"
        )
    return UsersOwn(placement)
