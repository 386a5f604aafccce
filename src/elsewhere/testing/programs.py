"""What the calls of a simulated world do where they run, and which calls they make themselves."""

from collections.abc import Callable
from typing import NamedTuple

from elsewhere.calls.messages import Options
from elsewhere.calls.resources import ResourceName

PLAIN = Options()
ENDLESS_RUNS = 1000
"""Nothing runs so often, but for calls in a circle that fail, and that others ask for anew each time."""


class Ask(NamedTuple):
    """A call that is made inside another one."""

    name: int
    """of the behaviour"""
    options: Options = PLAIN
    """other options than `PLAIN`, a key or inputs make it the gateway's at once"""
    inputs: tuple[int, ...] = ()
    """those of the earlier calls inside the same one that it is given, counted from 0"""


class Behaviour:
    """What a call does. Calls with the same key share one, whoever asks for them."""

    __slots__ = (
        "asks",
        "began",
        "catches",
        "deaf",
        "ended",
        "function",
        "key",
        "mute",
        "name",
        "poisons",
        "raises",
        "runs",
        "seconds",
        "stuck",
    )

    def __init__(self, name: int, function: int, seconds: float) -> None:
        self.name = name
        self.function = function
        """which function of the world's it runs"""
        self.seconds = seconds
        """in all, dealt out evenly between what it asks for"""
        self.key = b""
        self.asks: list[list[Ask]] = []
        """what it asks for after each part of its time, and then waits for"""
        self.catches = False
        """it goes on when something that it asked for has failed"""
        self.raises = 0
        """how many of its first runs raise"""
        self.poisons = 0
        """how many of its first runs take the worker down"""
        self.stuck = False
        """it never ends by itself"""
        self.deaf = False
        """it ignores an interrupt"""
        self.mute = False
        """while it runs, its worker does not answer, as when it never lets the interpreter go"""
        self.began: Callable[[], None] | None = None
        self.ended: Callable[[], None] | None = None
        """called when it begins or ends, before anybody can have heard of it"""
        self.runs = 0
        """how often it was begun"""

    @property
    def given(self) -> set[int]:
        """Which of the calls that it makes are inputs of later ones."""
        return {n for asks in self.asks for ask in asks for n in ask.inputs}

    @property
    def asks_now(self) -> list[list[Ask]]:
        """What it asks for as long as it does not run without end."""
        return self.asks if self.runs < ENDLESS_RUNS else []

    @property
    def part_seconds(self) -> float:
        return self.seconds / (len(self.asks) + 1)


class Programs:
    """The behaviours of one world by name. A payload says which one a call has."""

    def __init__(self) -> None:
        self.by_name: dict[int, Behaviour] = {}
        self.keyed: list[Behaviour] = []
        """those that have a key and ask for nothing that is not made yet"""
        self.needs: dict[int, tuple[bytes, ...]] = {}
        """by the world's number of a function, the resources that its calls need"""
        self.build_seconds: dict[bytes, float] = {}
        """how long it takes to make each"""
        self.kept_max: int | None = None
        """how many of them a worker keeps beside what runs; None: any number"""

    def make(self, function: int, seconds: float) -> Behaviour:
        name = len(self.by_name) + 1
        behaviour = self.by_name[name] = Behaviour(name, function, seconds)
        return behaviour

    def resource(self, digest: bytes) -> ResourceName:
        return ResourceName(digest, digest.decode())

    def needs_of(self, function: int) -> tuple[ResourceName, ...]:
        """What a definition of this function says."""
        return tuple([self.resource(digest) for digest in self.needs.get(function, ())])

    def forget_client(self) -> None:
        """Nobody listens any more for what begins or ends."""
        for behaviour in self.by_name.values():
            behaviour.began = behaviour.ended = None

    def of(self, payload: bytes) -> Behaviour:
        return self.by_name[int(payload.split()[0])]


def write_payload(name: int, padding: int = 0) -> bytes:
    """A payload, with so many bytes that mean nothing."""
    return b"%d " % name + b"p" * padding
